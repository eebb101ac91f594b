"""What can be estimated from a point cloud before anything is fitted: spacing, areas, normals and their orientation."""
