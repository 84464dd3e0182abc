// The clients of others for Node, as a program that tests start: "robot" sends messages
// through a robot client, "sdk" makes calls through the generated SDK of DingTalk, "stream"
// answers messages through the official client for stream mode until the standard input ends. Each
// prints a line of JSON for what it did, with the error that the client gave.
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const env = process.env

async function report(type, call) {
  let error = ''
  let result
  try {
    result = await call()
  } catch (e) {
    error = String(e.code ? `${e.code}: ${e.message}` : e.message)
  }
  console.log(JSON.stringify({ type, error, result }))
  return result
}

const text = 'report of 2026-01-31'
const title = 'report'
const link = 'https://example.com/1'
const picture = 'https://example.com/1.png'
const mobile = '13800000001'

async function robot() {
  const Bot = require('dingtalk-robot-sender')
  const bot = new Bot({ baseUrl: `${env.DINGTALK_URL}/robot/send`, accessToken: env.DINGTALK_TOKEN, secret: env.DINGTALK_SECRET })
  // The client gives the answer as it is.
  const send = (type, sending) => report(type, async () => {
    const { data } = await sending()
    if (data.errcode !== 0) throw new Error(data.errmsg)
  })
  await send('text', () => bot.text(text, { atMobiles: [mobile], isAtAll: false }))
  await send('markdown', () => bot.markdown(title, `### ${text}\n@${mobile}`, { atMobiles: [mobile], isAtAll: false }))
  await send('link', () => bot.link({ title, text, messageUrl: link, picUrl: picture }))
  await send('actionCard', () => bot.actionCard({
    title, text, hideAvatar: 0, btnOrientation: 1, btns: [{ title: 'open', actionURL: link }, { title: 'close', actionURL: link }],
  }))
  await send('feedCard', () => bot.feedCard([{ title, messageURL: link, picURL: picture }]))
}

async function sdk() {
  const { Config } = require('@alicloud/openapi-client')
  const { RuntimeOptions } = require('@alicloud/tea-util')
  const client = name => {
    const module = require(`@alicloud/dingtalk/${name}`)
    return [new module.default(new Config({ protocol: 'http', endpoint: new URL(env.DINGTALK_URL).host, regionId: 'central' })), module]
  }
  const runtime = new RuntimeOptions({})
  const call = (type, [c, module], method, request, ...ids) => report(type, async () => {
    const name = method[0].toUpperCase() + method.slice(1)
    const headers = module[`${name}Headers`] && new module[`${name}Headers`]({ xAcsDingtalkAccessToken: token })
    const args = [...ids, new module[`${name}Request`](request)]
    const answer = headers ? await c[`${method}WithOptions`](...args, headers, runtime) : await c[method](...args)
    return answer.body
  })

  const oauth = client('oauth2_1_0')
  let token = ''
  token = (await call('getAccessToken', oauth, 'getAccessToken', { appKey: env.DINGTALK_KEY, appSecret: env.DINGTALK_SECRET })).accessToken
  const byCorp = await call('getToken', oauth, 'getToken',
    { clientId: env.DINGTALK_KEY, clientSecret: env.DINGTALK_SECRET, grantType: 'client_credentials' }, env.DINGTALK_CORP)
  if (byCorp.accessToken !== token) throw new Error('another token')

  await call('batchSendOTO', client('robot_1_0'), 'batchSendOTO',
    { robotCode: env.DINGTALK_KEY, userIds: ['user001'], msgKey: 'sampleText', msgParam: JSON.stringify({ content: text }) })

  const card = client('card_1_0')
  const outTrackId = 'sdk-1'
  const params = map => ({ cardParamMap: map })
  const model = (name, fields) => new card[1][name](fields)
  await call('createCard', card, 'createCard', { cardTemplateId: 't', outTrackId, cardData: model('CreateCardRequestCardData', params({ title: 'Deploy?' })) })
  await call('deliverCard', card, 'deliverCard', {
    outTrackId, openSpaceId: 'dtv1.card//IM_ROBOT.user001', userIdType: 1,
    imRobotOpenDeliverModel: model('DeliverCardRequestImRobotOpenDeliverModel', { spaceType: 'IM_ROBOT' }),
  })
  await call('updateCard', card, 'updateCard', { outTrackId, privateData: { user001: model('PrivateDataValue', params({ mine: '1' })) } })
  await call('streamingUpdate', card, 'streamingUpdate', { outTrackId, guid: 'g1', key: 'log', content: text })

  const doc = client('doc_1_0')
  const space = env.DINGTALK_SPACE
  const operatorId = env.DINGTALK_OPERATOR
  const made = await call('createWorkspaceDoc', doc, 'createWorkspaceDoc', { name: 'sdk', docType: 'WORKBOOK', operatorId }, space)
  // The SDK puts ids into the path as they are.
  const at = [env.DINGTALK_WORKBOOK, encodeURIComponent('备注'), 'A1:B1']
  await call('updateRange', doc, 'updateRange', { operatorId, values: [['a', 'b']], complexValues: [[{ type: 'richText' }, null]] }, ...at)
  await call('getRange', doc, 'getRange', { operatorId, select: 'values,complexValues' }, ...at)
  await call('deleteWorkspaceDoc', doc, 'deleteWorkspaceDoc', { operatorId }, space, made.nodeId)
}

async function stream() {
  // The client knows no other address than DingTalk's, which it asks through its own axios.
  const axios = createRequire(require.resolve('dingtalk-stream'))('axios')
  axios.interceptors.request.use(request => ({ ...request, url: request.url.replace('https://api.dingtalk.com', env.DINGTALK_URL) }))
  console.info = console.warn = () => {} // the standard output is for what it did
  const { DWClient, TOPIC_ROBOT, EventAck } = require('dingtalk-stream')
  const client = new DWClient({ clientId: env.DINGTALK_KEY, clientSecret: env.DINGTALK_SECRET })
  client.registerCallbackListener(TOPIC_ROBOT, message => report('message', async () => {
    const { text, sessionWebhook } = JSON.parse(message.data)
    client.socketCallBackResponse(message.headers.messageId, null)
    const { data } = await axios.post(sessionWebhook, { msgtype: 'text', text: { content: 'echo:' + text.content } })
    if (data.errcode !== 0) throw new Error(data.errmsg)
  }))
  client.registerAllEventListener(event => ({ status: event.headers.eventType === 'user_add_org' ? EventAck.SUCCESS : EventAck.LATER }))
  await client.connect()
  for await (const _ of process.stdin) { /* until it ends */ }
  client.disconnect()
}

await { robot, sdk, stream }[process.argv[2]]()
