"""The page kit: markup, charts, heat map, tables and pictures, for whoever writes a page."""
