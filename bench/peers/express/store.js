// Where the items are: SQLite where `SQLITE_PATH` is set, else PostgreSQL by libpq's variables.
export const store = await import(process.env.SQLITE_PATH ? './sqlite.js' : './postgres.js')
