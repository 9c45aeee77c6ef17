"""The way to the stack's own Grafana, for a person with a browser."""

import os
import webbrowser
from dataclasses import dataclass

import click

from blueprint.description import LAB_ID
from blueprint.monitoring.dashboards import dashboards
from blueprint.monitoring.installed import GRAFANA_ADMIN, GRAFANA_PORT, GRAFANA_SERVICE
from blueprint.monitoring.standalone import ADMIN_PASSWORD, admin_name
from blueprint.settings import Cluster, Monitoring
from blueprint.stack import Stack
from ops.cluster.forwarding import forward
from ops.endpoints.outcome import NotSoError, UnusableError


@dataclass(frozen=True, kw_only=True)
class _Grafana:
    """One that the stack runs: its Service, and the Secret with the administrator's password."""

    namespace: str
    service: str
    port: int
    secret: str


def opened(stack: Stack, dashboard: str | None) -> None:
    """Lead to the stack's Grafana until Ctrl-C. dashboard: uid of the one to begin with.

    Raises NotSoError where the stack has none, with where its dashboards are instead, and when the way ends.
    """
    cluster, monitoring = stack.cluster, stack.monitoring
    if cluster is None or monitoring is None:
        raise UnusableError(f"Pulumi.{stack.name}.yaml has no monitoring, and so no dashboards: docs/dashboards.md.")
    grafana = _own(stack, cluster)
    if grafana is None:
        raise NotSoError(_elsewhere(cluster, monitoring))
    path = f"/d/{_known(stack, monitoring, dashboard)}" if dashboard else "/dashboards"
    if cluster.context == cluster.id == LAB_ID:
        raise NotSoError(
            "The lab's pods are simulated, and no Grafana answers in one: `llm dashboards --out DIR` writes the files "
            "for another."
        )
    where = {"context": cluster.context, "namespace": grafana.namespace}
    try:
        with forward("Grafana", **where, to=f"service/{grafana.service}", port=grafana.port) as way:
            url = f"http://127.0.0.1:{way.port}{path}"
            click.echo(f"{url}\n{_password(grafana.secret, **where)}\nCtrl-C ends the way to it.")
            _browse(url)
            way.wait()
    except KeyboardInterrupt:
        click.echo()


def _own(stack: Stack, cluster: Cluster) -> _Grafana | None:
    """That of mode standalone, or of the chart that the stack installs."""
    server = stack.servers.get("grafana") if stack.servers else None
    if server is not None:
        return _Grafana(
            namespace=cluster.namespace.name, service=server.name, port=server.port, secret=admin_name(server)
        )
    if stack.installation is not None:
        return _Grafana(
            namespace=stack.installation.namespace, service=GRAFANA_SERVICE, port=GRAFANA_PORT, secret=GRAFANA_ADMIN
        )
    return None


def _elsewhere(cluster: Cluster, monitoring: Monitoring) -> str:
    files = "`llm dashboards --out DIR` writes them as files."
    if monitoring.mode == "standalone":
        return f"The stack runs no Grafana (monitoring.standalone.grafana: false). {files}"
    head = f"The stack runs no Grafana of its own (monitoring.mode: {monitoring.mode})."
    if not monitoring.dashboards:
        return f"{head} It brings no dashboards (monitoring.dashboards: false). {files}"
    return (
        f"{head} Its dashboards are ConfigMaps in the namespace {cluster.namespace.name} with the label "
        "grafana_dashboard=1, which the Grafana of kube-prometheus-stack loads into its folder LLM: look for that one "
        f"in monitoring.namespace, `kubectl --context {cluster.context} --namespace {monitoring.namespace} get "
        f"services`. {files}"
    )


def _known(stack: Stack, monitoring: Monitoring, uid: str) -> str:
    shown = (
        dashboards(stack.monthly_usd, stack.stores, endpoints=stack.exporter is not None)
        if monitoring.dashboards
        else ()
    )
    known = [dashboard.uid for dashboard in shown]
    if uid not in known:
        raise UnusableError(f"--dashboard {uid}: the stack has none of that uid. There: {', '.join(known) or 'none'}.")
    return uid


def _password(secret: str, *, context: str, namespace: str) -> str:
    """How to read it. Printed, it would stand in the terminal's history of lines."""
    read = f"kubectl --context {context} --namespace {namespace} get secret {secret}"
    return f"User: admin. Password: {read} --output=jsonpath='{{.data.{ADMIN_PASSWORD}}}' | base64 --decode"


def _browse(url: str) -> None:
    """Show it in a browser, where there is one with windows: one of the terminal's would take the terminal."""
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return
    if os.environ.get("BROWSER") or type(browser) is not webbrowser.GenericBrowser:
        browser.open(url)
