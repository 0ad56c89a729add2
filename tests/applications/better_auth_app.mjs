// better-auth in PostgreSQL: `create URL`, `login URL EMAIL PASSWORD`.
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import pg from "pg";

const [command, url, ...credentials] = process.argv.slice(2);
const database = new pg.Pool({ connectionString: url });
const auth = betterAuth({
  baseURL: "http://127.0.0.1",
  secret: "of this test, and long enough for it",
  database,
  emailAndPassword: { enabled: true },
  logger: { disabled: true },
});
if (command === "create") {
  await (await getMigrations(auth.options)).runMigrations();
  await auth.api.signUpEmail({ body: { name: "ann", email: "ann@example.com", password: "secret of ann" } });
} else {
  const [email, password] = credentials;
  try {
    await auth.api.signInEmail({ body: { email, password } });
    console.log("yes");
  } catch (error) {
    console.log(error.statusCode === 401 ? "no" : `error: ${error}`);
  }
}
await database.end();
