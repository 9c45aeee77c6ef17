"""What must stay light."""

import subprocess
import sys


def test_the_components_package_loads_no_provider_sdk():
    """The dynamic-provider host imports the package, and pulumi_kubernetes would cost it seconds."""
    check = "import components, sys; sys.exit(any(name.startswith('pulumi') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
