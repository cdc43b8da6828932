// Rows from text that people have: JSON, NDJSON, CSV, TSV.

/**
 * @param {string} text
 * @returns {Record<string, unknown>[]}
 * @throws {Error} that names the line
 */
export function parseRows(text) {
  const trimmed = text.replace(/^\uFEFF/, "").trim();
  if (trimmed === "") throw new Error("There is nothing to import.");
  if (trimmed.startsWith("[")) return checked(JSON.parse(trimmed));
  if (trimmed.startsWith("{")) return checked(lines(trimmed));
  return table(trimmed);
}

function lines(text) {
  try {
    return [JSON.parse(text)];
  } catch {
    // Several documents, one a line.
  }
  return text.split(/\r?\n/).flatMap((line, index) => {
    if (line.trim() === "") return [];
    try {
      return [JSON.parse(line)];
    } catch (error) {
      throw new Error(`Line ${index + 1}: ${error.message}`);
    }
  });
}

function checked(rows) {
  const wrong = rows.findIndex((row) => row === null || typeof row !== "object" || Array.isArray(row));
  if (wrong >= 0) throw new Error(`Row ${wrong + 1} is no object.`);
  return rows;
}

/** Cells are text, but numbers that read back the same in every cell of their column. */
function table(text) {
  const [head] = text.split(/\r?\n/, 1);
  const separator = [",", "\t", ";"].reduce((best, one) => (head.split(one).length > head.split(best).length ? one : best));
  const [names, ...cells] = cellsOf(text, separator);
  if (new Set(names).size !== names.length) throw new Error("Two columns have one name.");
  const wrong = cells.findIndex((row) => row.length !== names.length);
  if (wrong >= 0) throw new Error(`Row ${wrong + 2} has ${cells[wrong].length} cells, the first row has ${names.length}.`);
  const numeric = names.map((_, at) => cells.every((row) => row[at] === "" || String(Number(row[at])) === row[at]));
  return cells.map((row) => Object.fromEntries(names.flatMap((name, at) => {
    if (row[at] === "") return [];
    return [[name, numeric[at] ? Number(row[at]) : row[at]]];
  })));
}

function cellsOf(text, separator) {
  const rows = [[]];
  let [cell, quoted, line, began] = ["", false, 1, 0];
  const end = () => {
    rows.at(-1).push(cell);
    cell = "";
  };
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at];
    if (letter === "\n") line += 1;
    if (quoted) {
      if (letter !== "\"") cell += letter;
      else if (text[at + 1] === "\"") {
        cell += "\"";
        at += 1;
      } else quoted = false;
    } else if (letter === "\"" && cell === "") {
      quoted = true;
      began = line;
    } else if (letter === separator) end();
    else if (letter === "\n") {
      end();
      rows.push([]);
    } else if (letter !== "\r") cell += letter;
  }
  if (quoted) throw new Error(`The quotation mark of line ${began} is never closed.`);
  end();
  return rows;
}
