// What a typed client must accept: `tsc` reads this, nobody runs it.
import { createClient } from "@supabase/supabase-js"
import { Constants, type Database, type Enums, type Tables, type TablesInsert, type TablesUpdate } from "./database.types.js"

const client = createClient<Database>("http://127.0.0.1", "key")

export async function reads() {
  const { data } = await client.from("people").select("id, name, mood, born, settings, profiles(balance), messages(body)").single()
  if (data === null) return
  const id: number = data.id
  const mood: "happy" | "sad" | 'it\'s "complicated"' = data.mood
  const born: string | null = data.born
  const balance: number | undefined = data.profiles?.balance
  const bodies: string[] = data.messages.map((message) => message.body)
  const odd = await client.from("people").select('"Odd name"')
  const answered = await client.from("messages").select("body, author:people(name)").not("answers", "is", null)
  const name: string | undefined = answered.data?.[0]?.author.name
  const computed = await client.from("people").select("shout")
  const shouted: string | null | undefined = computed.data?.[0]?.shout
  const shown = await client.from("authors").select("id, name, messages(id)")
  const seen: number | null | undefined = shown.data?.[0]?.id
  return { id, mood, born, balance, bodies, odd, name, shouted, seen }
}

export async function writes() {
  const person: TablesInsert<"people"> = { name: "Ann", address: "a@b", mood: Constants.public.Enums.mood[0] }
  const change: TablesUpdate<"people"> = { tags: ["a"], moods: ["sad"], "Odd name": 3 }
  await client.from("people").insert(person)
  await client.from("people").update(change).eq("id", 1)
  await client.from("messages").upsert({ id: 1, author: 1, body: "b", answers: null })
  await client.schema("shop").from("orders").insert({ size: "m" })
}

export async function calls() {
  const sum: number | null = (await client.rpc("add", { a: 1 })).data
  const text: string | null = (await client.rpc("label", { t: "x", loud: true })).data
  const days = (await client.rpc("stats", { since: "2026-01-01" })).data
  const day: string | undefined = days?.[0]?.day
  const nothing: undefined | null = (await client.rpc("clear")).data
  const first: Tables<"messages"> | null = (await client.rpc("first_message")).data
  const size: Enums<{ schema: "shop" }, "size"> = "l"
  const place: Database["public"]["CompositeTypes"]["point3d"] = { x: 1, y: null, label: "here" }
  return { sum, text, day, nothing, first, size, place }
}
