// Every statement below a `@ts-expect-error` is a mistake that generated types must catch.
import { createClient } from "@supabase/supabase-js"
import type { Database, Enums, TablesInsert } from "./database.types.js"

const client = createClient<Database>("http://127.0.0.1", "key")

export async function mistakes() {
  // @ts-expect-error no such table
  await client.from("persons").select("id")
  // @ts-expect-error no such column
  await client.from("people").update({ nme: "Ann" })
  // @ts-expect-error no such column in a filter's row
  await client.from("people").select("id").single().then(({ data }) => data?.nme)
  // @ts-expect-error a required column is missing
  const incomplete: TablesInsert<"people"> = { name: "Ann" }
  // @ts-expect-error an identity that is always generated
  await client.from("people").insert({ id: 1, name: "Ann", address: "a@b" })
  // @ts-expect-error no label of the enum
  const mood: Enums<"mood"> = "angry"
  // @ts-expect-error a view of groups takes no rows
  await client.from("totals").insert({ author: 1 })
  // @ts-expect-error an argument of the wrong type
  await client.rpc("add", { a: "1" })
  // @ts-expect-error null in a column that takes none
  await client.from("messages").update({ body: null })
  // @ts-expect-error a schema that is not there
  await client.schema("warehouse").from("orders").select("id")
  return { incomplete, mood }
}
