"""The typed settings of a stack: what a stack file may say, and nothing else."""

from blueprint.settings.endpoint import EndpointModel as EndpointModel
from blueprint.settings.endpoint_engines import EndpointEngine as EndpointEngine
from blueprint.settings.images import Build as Build
from blueprint.settings.images import Image as Image
from blueprint.settings.kubernetes import KubernetesModel as KubernetesModel
from blueprint.settings.stack import Cluster as Cluster
from blueprint.settings.stack import Deletion as Deletion
from blueprint.settings.stack import HuggingFace as HuggingFace
from blueprint.settings.stack import Model as Model
from blueprint.settings.stack import Monitoring as Monitoring
from blueprint.settings.stack import Settings as Settings
