"""What an address of the settings says, taken apart."""

import re
from dataclasses import dataclass

_FORM = re.compile(r"(?P<scheme>https?)://(?P<host>[^/:]+)(:(?P<port>\d+))?(?P<path>/.*)?")
_PORTS = {"http": 80, "https": 443}
_SERVICE_PARTS = 3  # name, namespace, svc


@dataclass(frozen=True, kw_only=True)
class Address:
    """An address by its parts. port: None where it is the scheme's."""

    scheme: str
    host: str
    port: int | None
    path: str

    @property
    def default_port(self) -> int:
        """The port where none is given."""
        return _PORTS[self.scheme]

    @property
    def is_service(self) -> bool:
        """Whether it leads to a Service of the cluster: NAME, or NAME.NAMESPACE.svc, perhaps with a domain behind."""
        parts = self.host.split(".")
        return len(parts) == 1 or parts[_SERVICE_PARTS - 1 : _SERVICE_PARTS] == ["svc"]

    @property
    def service_namespace(self) -> str | None:
        """Namespace of that Service; None where it is the caller's own."""
        return self.host.split(".")[1] if "." in self.host else None


def address_of(text: str) -> Address:
    """The parts of an HttpAddress. Raises ValueError for any other text."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no http:// or https:// address")
    port = found["port"]
    return Address(
        scheme=found["scheme"], host=found["host"], port=int(port) if port else None, path=found["path"] or ""
    )
