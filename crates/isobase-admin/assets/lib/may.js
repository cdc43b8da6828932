// What the one who looks may do, in the words of scopes. The service decides; here it only spares
// people buttons that would be refused.

let scopes = ["admin"];

/** @param {string[]} given */
export function setScopes(given) {
  scopes = given;
}

/** @param {string} permission such as `licences:write`, `read`, `admin` */
export function may(permission) {
  // The SQL screens are for owners alone, and only where there is a database for them.
  if (permission === "sql") return scopes.includes("sql");
  const [feature, level] = permission.split(":");
  return scopes.some((scope) => scope === "admin" || scope === permission
    || (level === "read" && scope === `${feature}:write`)
    || (permission === "read" && scope === "write"));
}
