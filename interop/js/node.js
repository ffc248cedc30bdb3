// A node of js-libp2p, for the test in ../tests/libp2p.rs. Arguments: the address of a node of ours, the address record's
// key in Kademlia (hex), and a gossip topic. It tells line by line, as JSON, what it has come to know.
import './with-resolvers.js'
import { gossipsub } from '@chainsafe/libp2p-gossipsub'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { identify } from '@libp2p/identify'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

const [address, key, topic] = process.argv.slice(2)
const tell = (what) => console.log(JSON.stringify(what))
const hex = (bytes) => Buffer.from(bytes).toString('hex')

const node = await createLibp2p({
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  connectionMonitor: { enabled: false }, // it would ping as well
  services: {
    identify: identify(),
    ping: ping(),
    pubsub: gossipsub(),
    dht: kadDHT({ protocol: '/parv/kad/1', clientMode: true, peerInfoMapper: passthroughMapper, validators: {} })
  }
})

// Identify runs by itself on every new connection.
const identified = new Promise((resolve) => node.addEventListener('peer:identify', (event) => resolve(event.detail)))
// So does Kademlia's own ping, and a peer answers one stream of pings at a time: ours comes after it.
const inTable = new Promise((resolve) => node.services.dht.routingTable.addEventListener('peer:add', resolve, { once: true }))
const connection = await node.dial(multiaddr(address))
const seen = await identified
tell({ identify: seen.protocolVersion, agent: seen.agentVersion, protocols: seen.protocols, us: node.peerId.toString() })

await inTable
tell({ ping: await node.services.ping.ping(connection.remotePeer) >= 0 })

for await (const event of node.services.dht.get(Buffer.from(key, 'hex'))) {
  if (event.name === 'VALUE') {
    tell({ record: hex(event.value) })
    break
  }
}

// Told before the first announcement can come.
node.services.pubsub.addEventListener('message', (event) => {
  if (event.detail.topic === topic) tell({ gossip: hex(event.detail.data), from: event.detail.from.toString() })
})
node.services.pubsub.subscribe(topic)

// What comes from this side is heard over there.
process.stdin.on('data', async (data) => {
  await node.services.pubsub.publish(topic, data)
})
process.stdin.on('end', async () => {
  await node.stop()
  process.exit(0)
})
