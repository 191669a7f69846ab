// Reads a text aloud where the browser can; everywhere else its button stays hidden and nothing is missing.
if ("speechSynthesis" in window) {
  for (const button of document.querySelectorAll("[data-aloud]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const speech = new SpeechSynthesisUtterance(document.getElementById(button.dataset.aloud).innerText);
      speech.lang = button.dataset.lang;
      window.speechSynthesis.cancel();
      window.speechSynthesis.speak(speech);
    });
  }
}
