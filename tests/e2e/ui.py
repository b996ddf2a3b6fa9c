"""Dagster's UI in a browser without a screen, for tests that look at its pages."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from project import Project
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

SECONDS = 60
Found = TypeVar("Found")
OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # which root cannot have
    "--disable-dev-shm-usage",
    "--window-size=1600,1200",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


@dataclass
class Browser:
    """What a person at the UI sees."""

    driver: webdriver.Chrome
    address: str
    folder: Path
    """Where a picture of a page is left that does not show what it should."""

    def open(self, page: str) -> None:
        """Goes to a page such as `/runs`."""
        self.driver.get(self.address + page)

    def shows(self, *words: str, within: str = "body") -> None:
        """Waits until all of these are visible there."""
        missing, found = list(words), ""

        def all_there(driver: webdriver.Chrome) -> bool:
            nonlocal missing, found
            found = "\n".join(one.text for one in driver.find_elements(By.CSS_SELECTOR, within))
            missing = [word for word in words if word not in found]
            return not missing

        try:
            self._until(all_there)
        except TimeoutException:
            picture = self.folder / "page.png"
            self.driver.save_screenshot(str(picture))
            raise AssertionError(
                f"{self.driver.current_url} does not show {missing} ({picture}), but:\n{found}"
            ) from None

    def click(self, button: str) -> None:
        """Presses the button that says so."""
        place = (By.XPATH, f"//button[normalize-space()='{button}']")
        self._until(lambda driver: driver.find_element(*place)).click()

    def rows(self) -> dict[str, str]:
        """The first and the last cell of each row of the page's tables."""

        def read(driver: webdriver.Chrome) -> dict[str, str]:
            rows = driver.find_elements(By.CSS_SELECTOR, "table tbody tr")
            cells = [row.find_elements(By.TAG_NAME, "td") for row in rows]
            return {of_row[0].text: of_row[-1].text for of_row in cells}

        return self._until(read)

    def hosts(self) -> set[str | None]:
        """The machines that pages asked for something since this was last called."""
        urls = []
        for entry in self.driver.get_log("performance"):  # type: ignore[no-untyped-call]
            told = json.loads(entry["message"])["message"]
            if told["method"] == "Network.requestWillBeSent":
                urls.append(urlsplit(told["params"]["request"]["url"]))
            elif told["method"] == "Network.webSocketCreated":
                urls.append(urlsplit(told["params"]["url"]))
        return {url.hostname for url in urls if url.scheme in ("http", "https", "ws", "wss")}

    def _until(self, condition: Callable[[webdriver.Chrome], Found]) -> Found:
        # React may replace an element between finding and reading it.
        ignored = [StaleElementReferenceException]
        waiting = WebDriverWait(self.driver, SECONDS, 0.1, ignored)
        return waiting.until(condition)


@contextmanager
def opened(project: Project, home: Path, folder: Path) -> Iterator[Browser]:
    """The UI of the Dagster instance at `home`, in a browser."""
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        pytest.skip("Chromium is not installed (Debian's packages chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for option in OPTIONS:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    with (
        _served(project, home, folder) as address,
        webdriver.Chrome(options, Service(chromedriver)) as driver,
    ):
        yield Browser(driver, address, folder)


@contextmanager
def _served(project: Project, home: Path, folder: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    place = ["-m", "orchestration.definitions", "-h", "127.0.0.1", "-p", str(port)]
    said = folder / "webserver.log"
    with said.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dagster_webserver", "--read-only", *place],
            cwd=project.folder,
            env=project.environment | {"DAGSTER_HOME": str(home)},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # the process that loads the definitions is ended with it
        )
    try:
        _wait(process, f"http://127.0.0.1:{port}", said)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _wait(process: subprocess.Popen[bytes], address: str, said: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urlopen(f"{address}/server_info", timeout=SECONDS):
                return
        except URLError:
            time.sleep(0.1)
    raise AssertionError(f"Dagster's UI does not answer:\n{said.read_text()[-3000:]}")
