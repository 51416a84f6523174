// Shows the seconds that are left of the access token, and notes each renewal.
// The script never sees the token: /auth/session says how long it lives, and
// being a request like any other, renews it when that is due.
"use strict";

const token = document.getElementById("token");
const lifetime = Number(token.dataset.lifetime);
let expires = end(Number(token.dataset.left));
let renewals = 0;

// end is when a token ends that has so many whole seconds left, give or take half
// a second.
function end(left) {
  return performance.now() + 1000 * (left + 0.5);
}

const element = (id) => document.getElementById(id);
const secondsLeft = () => Math.max(0, (expires - performance.now()) / 1000);

function draw() {
  const left = secondsLeft();
  element("left").textContent = Math.floor(left);
  token.querySelector(".left").style.strokeDashoffset = 100 - 100 * Math.min(1, left / lifetime);
}

function note(leftBefore) {
  if (renewals === 0) element("renewals").replaceChildren();
  element("count").textContent = ++renewals;
  const item = document.createElement("li");
  item.textContent = `${new Date().toLocaleTimeString("en-GB")} renewed, ${Math.round(leftBefore)} s before its end`;
  element("renewals").prepend(item);
  while (element("renewals").children.length > 5) element("renewals").lastChild.remove();
}

function complain(text) {
  element("problem").textContent = text;
  element("problem").hidden = text === "";
}

async function ask() {
  let answer;
  try {
    answer = await fetch("/auth/session");
  } catch {
    return complain("The site does not answer.");
  }
  if (answer.status === 401) return location.reload(); // to sign in, and come back
  if (!answer.ok) return complain("The provider does not answer. You stay signed in.");
  complain("");
  const before = secondsLeft();
  const { token_expires_in: left } = await answer.json();
  if (left > before + 2) note(before);
  expires = end(left);
  draw();
}

setInterval(draw, 250);
setInterval(ask, 1000 * Math.min(5, lifetime / 8));
draw();
