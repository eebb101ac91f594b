"""What point clouds tell of their surface before anything is fitted: spacing, areas, normals and their orientation."""
