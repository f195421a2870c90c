"""Seeds of `test_moto` for networks, instances, containers and file systems: each puts one there and gives its id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

HOME = "eu-west-1"


def launch_template(aws: Callable[..., Any]) -> str:
    """Put a template whose second version is the default."""
    client = aws("ec2", HOME)
    data = {"ImageId": "ami-12345678", "UserData": "c2VjcmV0", "MetadataOptions": {"HttpTokens": "optional"}}
    made = client.create_launch_template(LaunchTemplateName="web", LaunchTemplateData=data)["LaunchTemplate"]
    data["MetadataOptions"] = {"HttpTokens": "required"}
    client.create_launch_template_version(LaunchTemplateId=made["LaunchTemplateId"], LaunchTemplateData=data)
    client.modify_launch_template(LaunchTemplateId=made["LaunchTemplateId"], DefaultVersion="2")
    return str(made["LaunchTemplateId"])


def _file_system(aws: Callable[..., Any]) -> str:
    return str(aws("efs", HOME).create_file_system(CreationToken="t", Encrypted=True)["FileSystemId"])


def file_system(aws: Callable[..., Any]) -> str:
    """Put a file system with automatic backups."""
    made = aws("efs", HOME).create_file_system(CreationToken="t", Encrypted=True, Backup=True)
    return str(made["FileSystemId"])


def access_point(aws: Callable[..., Any]) -> str:
    """Put an access point of a directory."""
    made = aws("efs", HOME).create_access_point(
        ClientToken="t", FileSystemId=file_system(aws), RootDirectory={"Path": "/data"}
    )
    return str(made["AccessPointId"])


def task_family(aws: Callable[..., Any]) -> str:
    """Put two revisions; the newer one has an environment variable."""
    client = aws("ecs", HOME)
    container = {"name": "c", "image": "i", "memory": 128}
    client.register_task_definition(family="web", containerDefinitions=[container])
    container["environment"] = [{"name": "TOKEN", "value": "hunter2"}]
    client.register_task_definition(family="web", containerDefinitions=[container])
    return "web"


def fsx(aws: Callable[..., Any]) -> str:
    """Put a file system of Lustre."""
    made = aws("fsx", HOME).create_file_system(
        FileSystemType="LUSTRE", StorageCapacity=1200, SubnetIds=["subnet-12345678"],
        LustreConfiguration={"CopyTagsToBackups": True},
    )  # fmt: skip
    return str(made["FileSystem"]["FileSystemId"])


def emr(aws: Callable[..., Any]) -> str:
    """Put a cluster of instance groups whose configuration holds a password."""
    made = aws("emr", HOME).run_job_flow(
        Name="cluster", ReleaseLabel="emr-7.0.0", JobFlowRole="r", ServiceRole="r",
        Instances={"MasterInstanceType": "m5.large", "InstanceCount": 1, "KeepJobFlowAliveWhenNoSteps": True},
        Configurations=[{"Classification": "hive-site", "Properties": {"password": "hunter2"}}],
    )  # fmt: skip
    return str(made["JobFlowId"])


def environment(aws: Callable[..., Any]) -> str:
    """Put an environment of Elastic Beanstalk."""
    client = aws("elasticbeanstalk", HOME)
    client.create_application(ApplicationName="app")
    stack = "64bit Amazon Linux 2018.03 v2.10.1 running Java 8"
    client.create_environment(ApplicationName="app", EnvironmentName="env1", SolutionStackName=stack)
    return "env1"


def repository(aws: Callable[..., Any]) -> str:
    """Put a repository that scans on push."""
    aws("ecr", HOME).create_repository(repositoryName="repo", imageScanningConfiguration={"scanOnPush": True})
    return "repo"


SEEDS: dict[str, tuple[Callable[..., str], dict[str, Any]]] = {
    "ecr": (repository, {"imageScanningConfiguration.scanOnPush": True}),
    "ecs-task-family": (task_family, {"revision": 2, "status": "ACTIVE"}),
    "efs": (file_system, {"BackupPolicy.Status": "ENABLED", "Encrypted": True}),
    "efs-access-point": (access_point, {"RootDirectory.Path": "/data"}),
    "elasticbeanstalk-environment": (environment, {"ApplicationName": "app"}),
    "emr": (emr, {"_name": "cluster", "ReleaseLabel": "emr-7.0.0"}),
    "fsx": (fsx, {"LustreConfiguration.CopyTagsToBackups": True}),
    "launch-template": (
        launch_template,
        {
            "VersionNumber": 2,
            "LaunchTemplateData.MetadataOptions.HttpTokens": "required",
            "LaunchTemplateData.UserData": "(masked)",
        },
    ),
}
