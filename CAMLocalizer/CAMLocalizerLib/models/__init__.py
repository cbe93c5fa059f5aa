"""Model bundles: folders with a model card, weights and their checksum."""

from .bundle import CARD_FILE, WEIGHTS_FILE, ModelBundle, load_model, save_model
from .card import SCHEMA_VERSION, UPTAKE_BORDER, ModelCard
from .search import MODELS_VARIABLE, bundled_models, model_folders

__all__ = [
    "CARD_FILE",
    "MODELS_VARIABLE",
    "SCHEMA_VERSION",
    "UPTAKE_BORDER",
    "WEIGHTS_FILE",
    "ModelBundle",
    "ModelCard",
    "bundled_models",
    "load_model",
    "model_folders",
    "save_model",
]
