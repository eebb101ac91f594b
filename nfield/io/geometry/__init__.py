"""Files of point clouds and meshes."""
