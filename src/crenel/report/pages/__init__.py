"""Pages for people: the templates, the charts and the style that the dashboard and the HTML report share."""
