"""Shapes and scenes whose truth is exact, and the scanner."""

from typing import TYPE_CHECKING

from nfield.core.later import exports

if TYPE_CHECKING:
    from nfield.scenes.rigs import RIGS as RIGS
    from nfield.scenes.scanner import sample_cloud as sample_cloud
    from nfield.scenes.scanner import scan as scan
    from nfield.scenes.scene_files import load_scene as load_scene
    from nfield.scenes.scene_files import scene_names as scene_names
    from nfield.scenes.shapes import SHAPES as SHAPES
    from nfield.scenes.toy import ToyScene as ToyScene
    from nfield.scenes.toy_views import toy_views as toy_views

__getattr__, __dir__ = exports(__name__, __file__)
