"""Pages in a real browser: they draw, their keys work, and they ask nobody for anything."""

import re
import shutil
import subprocess

import pytest
from tests.pictures.studies import search, search_entries

from danlu.core.replay import histories
from danlu.pictures import Map, animate, save

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: apt install chromium")

FLAGS = """
    --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --virtual-time-budget=8000 --run-all-compositor-stages-before-draw
"""
PRESS = """
    setTimeout(() => ["End", "ArrowLeft", "ArrowLeft", "ArrowRight"].forEach(
        key => dispatchEvent(new KeyboardEvent("keydown", {key}))), 3000)
"""
COUNT = """
    setTimeout(() => document.title = "asked for " + performance.getEntriesByType("resource")
        .filter(entry => /^https?:/.test(entry.name)).length, 5000)
"""


def dom(page, profile, script=""):
    """The page's elements after eight seconds of the browser's time, and what it said."""
    head, end, tail = page.read_text(encoding="utf-8").rpartition("</body>")
    copy = profile.with_suffix(".html")
    copy.write_text(f"{head}<script>{script}</script>{end}{tail}", encoding="utf-8")
    command = [CHROMIUM, *FLAGS.split(), f"--user-data-dir={profile}", "--enable-logging=stderr", "--dump-dom"]
    done = subprocess.run([*command, copy.as_uri()], capture_output=True, text=True, timeout=60)
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return animate(Map("lr", "width"), histories(search_entries(4)), tmp_path_factory.mktemp("film") / "map.html")


def test_a_picture_is_drawn(tmp_path):
    page = save(Map("lr", "width"), search(30), tmp_path / "map.html")
    shown, said = dom(page, tmp_path / "profile")
    assert "Where is it good" in re.sub(r"<script.*?</script>", "", shown, flags=re.DOTALL)
    assert "<svg" in shown
    assert "Uncaught" not in said


def test_keys_go_back_and_forth_in_a_film(film, tmp_path):
    shown, said = dom(film, tmp_path / "profile", PRESS)
    assert "Uncaught" not in said
    assert re.search(r'<span id="count">3 / 4</span>', shown)


def test_no_page_asks_the_network_for_anything(film, tmp_path):
    shown, _ = dom(film, tmp_path / "profile", COUNT)
    assert "<title>asked for 0</title>" in shown
