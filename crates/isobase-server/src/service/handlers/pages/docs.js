// The viewer follows the colours of the system.
const dark = matchMedia("(prefers-color-scheme: dark)");
const api = document.querySelector("rapi-doc");
const follow = () => api.setAttribute("theme", dark.matches ? "dark" : "light");
dark.addEventListener("change", follow);
follow();
