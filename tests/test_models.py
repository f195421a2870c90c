"""botocore's models as kept on disk: the same types, and never a reason to fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.model import ServiceModel

from crenel.catalog import models
from crenel.catalog.columns import column_type


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(models.loader(), "CUSTOMER_DATA_PATH", str(tmp_path / "none"))
    return tmp_path


def kept(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("service", ["sqs", "kms", "iam"])
def test_what_is_kept_says_the_same(service: str, folder: Path) -> None:
    """Every operation's answer has the same columns, from the first reading and from the kept one."""
    whole = ServiceModel(Loader().load_service_model(service, "service-2"), service)
    for _ in range(2):
        bare = ServiceModel(models.model_of(service), service)
        assert bare.operation_names == whole.operation_names
        for name in whole.operation_names:
            wanted, found = whole.operation_model(name).output_shape, bare.operation_model(name).output_shape
            assert (found and column_type(found)) == (wanted and column_type(wanted))
    assert [path.name for path in kept(folder)] == [f"{service}.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"metadata": 1}', "\0"])
def test_a_broken_copy_is_read_anew(text: str, folder: Path) -> None:
    models.model_of("sqs")
    (path,) = kept(folder)
    path.write_text(text)

    assert "operations" in models.model_of("sqs")
    assert path.read_text() != text


def test_a_folder_that_can_not_be_written_is_none(folder: Path) -> None:
    (folder / "crenel").write_text("a file")

    assert "operations" in models.model_of("sqs")


def test_models_of_the_users_own_are_read_themselves(folder: Path) -> None:
    (folder / "none").mkdir()

    assert "operations" in models.model_of("sqs")
    assert kept(folder) == []


def test_a_service_that_is_not_there(folder: Path) -> None:
    with pytest.raises(UnknownServiceError):
        models.model_of("no-such-service")
    assert kept(folder) == []
