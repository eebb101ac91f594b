"""Partial differential equations as objects: domains, conditions, problems, named ones and those of a user's file."""

from nfield.equations.conditions import Dirichlet as Dirichlet
from nfield.equations.conditions import Initial as Initial
from nfield.equations.conditions import Neumann as Neumann
from nfield.equations.conditions import Periodic as Periodic
from nfield.equations.derivatives import Derivatives as Derivatives
from nfield.equations.domains import Box as Box
from nfield.equations.domains import Disk as Disk
from nfield.equations.domains import Union as Union
from nfield.equations.problem import Problem as Problem
