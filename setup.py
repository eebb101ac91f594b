"""What pyproject.toml cannot say: the folder `scenes` is installed inside the package that reads it."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithScenes(build_py):
    """Copies the scene files into wheels; an editable install reads them where they are."""

    def run(self) -> None:
        """Build as usual, then copy."""
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "nfield" / "scenes" / "files"
            target.mkdir(parents=True, exist_ok=True)
            for path in Path(__file__).parent.glob("scenes/*.yaml"):
                shutil.copyfile(path, target / path.name)


setup(cmdclass={"build_py": BuildWithScenes})
