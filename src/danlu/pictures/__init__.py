"""What to see: one file per picture, drawn to a file, a page or a film.

from danlu.pictures import Map, animate, save
save(Map("lr", "width"), study.history, "map.png")
animate(Map("lr", "width"), study, "map.gif")
"""

from danlu.pictures.animation import animate
from danlu.pictures.gallery import Gallery
from danlu.pictures.map import Map
from danlu.pictures.picture import Frame, Picture
from danlu.pictures.progress import Progress
from danlu.pictures.static import save

__all__ = ["Frame", "Gallery", "Map", "Picture", "Progress", "animate", "save"]
