// SQL as far as it takes to colour it, to find its statements and parameters, and to complete a word.

/** Words that are coloured and completed; the names of functions are the reader's own to know. */
export const KEYWORDS = ("ADD ALL ALTER ANALYZE AND ANY AS ASC BETWEEN BY CASCADE CASE CAST CHECK COLLATE COLUMN CONFLICT CONSTRAINT "
  + "CREATE CROSS CURRENT_DATE CURRENT_TIMESTAMP DEFAULT DELETE DESC DISTINCT DO DROP ELSE END EXCEPT EXISTS EXPLAIN FALSE FILTER "
  + "FIRST FOREIGN FROM FULL FUNCTION GRANT GROUP HAVING ILIKE IN INDEX INNER INSERT INTERSECT INTO IS JOIN KEY LAST LATERAL LEFT "
  + "LIKE LIMIT MATERIALIZED MERGE NATURAL NOT NOTHING NULL NULLS OFFSET ON OR ORDER OUTER OVER PARTITION PRIMARY RECURSIVE "
  + "REFERENCES RENAME REPLACE RETURNING REVOKE RIGHT ROWS SELECT SET SHOW TABLE THEN TO TRIGGER TRUE TRUNCATE UNION UNIQUE UPDATE "
  + "USING VALUES VIEW WHEN WHERE WINDOW WITH").split(" ");
const KNOWN = new Set(KEYWORDS);

/** In this order: the first that fits is it. */
const TOKENS = new RegExp([
  ["comment", "--[^\\n]*|/\\*[\\s\\S]*?(?:\\*/|$)"],
  ["text", "[eE]?'(?:[^']|'')*(?:'|$)|\\$([A-Za-z_]\\w*)?\\$[\\s\\S]*?(?:\\$\\2\\$|$)"],
  ["name", "\"(?:[^\"]|\"\")*(?:\"|$)|`[^`]*(?:`|$)"],
  ["cast", "::"],
  ["parameter", ":[A-Za-z_]\\w*|\\$\\d+"],
  ["number", "\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?"],
  ["word", "[\\p{L}_][\\p{L}\\p{N}_$]*"],
  ["blank", "\\s+"],
  ["mark", "[^]"],
].map(([kind, text]) => `(?<${kind}>${text})`).join("|"), "gu");

/** The pieces of a text: what each is, its text, and where it begins. */
export function tokensOf(text) {
  // Lists have places (`list[1:n]`), in which no parameter is.
  let depth = 0;
  return [...text.matchAll(TOKENS)].map(({ 0: piece, index: at, groups }) => {
    let kind = Object.keys(groups).find((name) => groups[name] !== undefined);
    if (piece === "[") depth += 1;
    if (piece === "]") depth -= 1;
    if (kind === "parameter" && depth > 0 && piece[0] === ":") kind = "mark";
    if (kind === "word" && KNOWN.has(piece.toUpperCase())) kind = "keyword";
    return { kind, text: piece, at };
  });
}

const SILENT = ["blank", "comment"];
const upper = ({ text }) => text.toUpperCase();

/** Its statements, each with its text and place. The body of a trigger or a function stays with it. */
export function statementsOf(text) {
  const found = [];
  let [words, depth, from, to] = [[], 0, null, null];
  const end = () => {
    if (from !== null) found.push({ text: text.slice(from, to), from, to });
    [words, depth, from] = [[], 0, null];
  };
  for (const token of tokensOf(text)) {
    if (token.text === ";" && depth === 0) {
      end();
      continue;
    }
    if (SILENT.includes(token.kind)) continue;
    from ??= token.at;
    to = token.at + token.text.length;
    const word = upper(token);
    words.push(word);
    if (words[0] !== "CREATE" || !words.slice(1, 6).some((one) => ["TRIGGER", "FUNCTION", "PROCEDURE"].includes(one))) continue;
    if (word === "BEGIN" || (depth > 0 && word === "CASE")) depth += 1;
    else if (word === "END") depth = Math.max(0, depth - 1);
  }
  end();
  return found;
}

/** The first word of a statement in capitals. */
export function firstWord(statement) {
  const word = tokensOf(statement).find(({ kind }) => kind === "word" || kind === "keyword");
  return word ? upper(word) : "";
}

/** The names of its parameters. */
export function parametersOf(statement) {
  const names = tokensOf(statement).filter(({ kind, text }) => kind === "parameter" && text[0] === ":");
  return [...new Set(names.map(({ text }) => text.slice(1)))];
}

/** A name in SQL, whatever is in it. */
export function quoted(name) {
  return `"${name.replaceAll("\"", "\"\"")}"`;
}

/** A name as people write it: in quotes only where it needs them. */
export function written(name) {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !KNOWN.has(name.toUpperCase()) ? name : quoted(name);
}

const plain = ({ kind, text }) => (kind === "name" ? text.slice(1, -1).replaceAll("\"\"", "\"") : text);

/** The tables that a statement names behind FROM, JOIN, INTO, UPDATE and TABLE, with their other names. */
export function tablesOf(statement) {
  const tokens = tokensOf(statement).filter(({ kind }) => !SILENT.includes(kind));
  const isName = (token) => token && ["word", "name"].includes(token.kind);
  const found = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const opens = ["FROM", "JOIN", "INTO", "UPDATE", "TABLE"].includes(upper(tokens[at]));
    const goesOn = tokens[at].text === "," && found.length > 0 && found.at(-1).end === at;
    if (!opens && !goesOn) continue;
    let next = at + 1;
    if (!isName(tokens[next])) continue;
    const parts = [plain(tokens[next])];
    while (tokens[next + 1]?.text === "." && isName(tokens[next + 2])) {
      next += 2;
      parts.push(plain(tokens[next]));
    }
    const table = { schema: parts.at(-2) ?? null, name: parts.at(-1), alias: null };
    next += 1;
    if (tokens[next] && upper(tokens[next]) === "AS") next += 1;
    if (isName(tokens[next])) {
      table.alias = plain(tokens[next]);
      next += 1;
    }
    found.push({ ...table, end: next });
    at = next - 1;
  }
  return found;
}

/**
 * The word that is being typed, and what stands before its dot; null inside of texts and comments.
 * @returns {{word: string, from: number, qualifier: string | null} | null}
 */
export function wordAt(text, caret) {
  const before = text.slice(0, caret);
  const last = tokensOf(before).at(-1);
  const isOpen = last && (last.kind === "comment" || last.kind === "text") && (last.text.length < 2 || !/(['$]|\*\/)$/.test(last.text));
  if (isOpen) return null;
  const [, quoting, qualifier, word] = /(?:("(?:[^"]|"")*"|([\p{L}_][\p{L}\p{N}_$]*))\.)?([\p{L}_][\p{L}\p{N}_$]*|)$/u.exec(before);
  const name = qualifier ?? (quoting && quoting.slice(1, -1).replaceAll("\"\"", "\""));
  return { word, from: caret - word.length, qualifier: name ?? null };
}
