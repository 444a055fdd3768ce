// A worker for each core, as Node's cluster gives them.
import cluster from 'node:cluster'

if (cluster.isPrimary) {
  for (let n = 0; n < 2; n++) cluster.fork()
} else {
  const { app } = await import('./app.js')
  app.listen(Number(process.env.PORT), '127.0.0.1')
}
