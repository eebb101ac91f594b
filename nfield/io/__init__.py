"""Files: images, clouds, meshes, posed images, videos."""

from typing import TYPE_CHECKING

from nfield.core.later import exports

if TYPE_CHECKING:
    from nfield.io.cameras.path import load_camera_path as load_camera_path
    from nfield.io.cameras.posed import load_views as load_views
    from nfield.io.geometry.clouds import load_cloud as load_cloud
    from nfield.io.geometry.clouds import save_cloud as save_cloud
    from nfield.io.geometry.meshes import load_mesh as load_mesh
    from nfield.io.geometry.meshes import save_mesh as save_mesh
    from nfield.io.images.images import load_image as load_image
    from nfield.io.images.images import load_mask as load_mask
    from nfield.io.images.video import save_video as save_video
    from nfield.io.images.writers import save_image as save_image
    from nfield.io.run_folder import RunFolder as RunFolder

__getattr__, __dir__ = exports(__name__, __file__)
