package sandbox

import (
	"github.com/dingdag/dingdag/sandbox/internal/card"
	"github.com/dingdag/dingdag/sandbox/internal/core"
	"github.com/dingdag/dingdag/sandbox/internal/media"
	"github.com/dingdag/dingdag/sandbox/internal/notice"
	"github.com/dingdag/dingdag/sandbox/internal/robot"
	"github.com/dingdag/dingdag/sandbox/internal/stream"
	"github.com/dingdag/dingdag/sandbox/internal/talk"
	"github.com/dingdag/dingdag/sandbox/internal/wiki"
)

// What the methods of [Server] take and give. The families of calls declare these types.
type (
	// App is an internal application of the organisation. Its bot has the same code.
	App = core.App
	// Message is a message that arrived.
	Message = core.Message
	// Content is what a message says. Which fields are set depends on the msgtype.
	Content = core.Content
	// Button is a button of an actionCard.
	Button = core.Button
	// FeedLink is an entry of a feedCard.
	FeedLink = core.FeedLink
	// Mentions says who was notified of a message by name.
	Mentions = core.Mentions
	// IgnoredMention is a mention that notified nobody, and why not.
	IgnoredMention = core.IgnoredMention
	// Filter selects messages. Empty fields select all.
	Filter = core.Filter
	// Attempt is a request to one of DingTalk's calls, accepted or not.
	Attempt = core.Attempt
	// Fault makes coming requests go wrong.
	Fault = core.Fault
	// FaultKind is a way to misbehave.
	FaultKind = core.FaultKind
	// Robot is a custom robot in a group chat.
	Robot = robot.Robot
	// Member is a person in a group. A mention can use the mobile or the user id.
	Member = robot.Member
	// Rate is how many requests a robot takes. DingTalk counts what it refuses, too.
	Rate = robot.Rate
	// Session is where a bot answers somebody who has written to it.
	Session = robot.Session
	// Department is a node of the tree of departments. The root has the id 1.
	Department = core.Department
	// User is a member of the organisation.
	User = core.User
	// Chat is a group chat.
	Chat = core.Chat
	// Notice is a work notice.
	Notice = notice.Notice
	// ForbiddenNotice tells why somebody got no notice, although the call succeeded.
	ForbiddenNotice = notice.ForbiddenNotice
	// Ding is a DING.
	Ding = notice.Ding
	// Media is a file that was uploaded.
	Media = media.Media
	// Card is an interactive card.
	Card = card.Card
	// Workspace is a space of the knowledge base.
	Workspace = wiki.Workspace
	// Node is a folder, document or workbook.
	Node = wiki.Node
	// Template is a document template.
	Template = wiki.Template
	// Workbook is a workbook with content.
	Workbook = wiki.Workbook
	// Sheet is a worksheet, read back or to be made.
	Sheet = wiki.Sheet
	// CardButton is a button of a card, as its variable "buttons" lists them.
	CardButton = card.Button
	// Press is a press on a button of a card.
	Press = card.Press
	// Pressed is a press, and what became of it.
	Pressed = card.Pressed
	// Say is what somebody writes.
	Say = talk.Say
	// Part is a text or a picture of a richText.
	Part = talk.Part
	// Said is what somebody wrote, and what became of it.
	Said = talk.Said
	// Told is what became of a message at one of the bots that it mentions.
	Told = talk.Told
	// Happen is something that happens in the organisation.
	Happen = talk.Happen
	// Happening is an event, and what became of it at one app.
	Happening = talk.Happening
	// StreamSettings are how the gateway of stream mode behaves without faults.
	StreamSettings = stream.Settings
	// StreamFault makes streams go wrong.
	StreamFault = stream.Fault
	// StreamFaultKind is a way in which a stream misbehaves.
	StreamFaultKind = stream.FaultKind
	// Connection is an open stream.
	Connection = stream.Connection
	// Subscription is what a stream wants to get.
	Subscription = stream.Subscription
	// Delivery is something that an app gets over its stream.
	Delivery = stream.Delivery
	// Sending is a frame of a delivery.
	Sending = stream.Sending
	// StreamAnswer is what an app answered to a delivery.
	StreamAnswer = stream.Answer
)

// The msgtypes that a custom robot takes, and those that messages of bots have besides.
const (
	TypeText       = core.TypeText
	TypeLink       = core.TypeLink
	TypeMarkdown   = core.TypeMarkdown
	TypeActionCard = core.TypeActionCard
	TypeFeedCard   = core.TypeFeedCard
	TypeImage      = core.TypeImage
	TypeFile       = core.TypeFile
	TypeAudio      = core.TypeAudio
	TypeVideo      = core.TypeVideo
	TypeCard       = core.TypeCard
)

// The ways to misbehave. The first six happen before the call has any effect, the
// last three after it: the message arrives, and only the answer suffers.
const (
	FaultBusy       = core.FaultBusy
	FaultErrcode    = core.FaultErrcode
	FaultHTML       = core.FaultHTML
	FaultEmpty      = core.FaultEmpty
	FaultBlocked    = core.FaultBlocked
	FaultCut        = core.FaultCut
	FaultSlow       = core.FaultSlow
	FaultBrokenJSON = core.FaultBrokenJSON
	FaultAnswerLost = core.FaultAnswerLost
)

// The ways in which a stream misbehaves.
const (
	FaultOpenSilent    = stream.FaultOpenSilent
	FaultTicketExpired = stream.FaultTicketExpired
	FaultTicketUsed    = stream.FaultTicketUsed
	FaultNoPong        = stream.FaultNoPong
	FaultDisconnect    = stream.FaultDisconnect
	FaultHangUp        = stream.FaultHangUp
	FaultDrop          = stream.FaultDrop
	FaultDuplicate     = stream.FaultDuplicate
	FaultRedeliver     = stream.FaultRedeliver
	FaultStreamSlow    = stream.FaultSlow
)

// StreamFaultKinds lists every kind.
func StreamFaultKinds() []StreamFaultKind { return stream.FaultKinds() }

// The types of messages that people write, besides [TypeText], [TypeFile], [TypeAudio] and [TypeVideo].
const (
	TypeRichText = talk.TypeRichText
	TypePicture  = talk.TypePicture
)

// The steps of a notice.
const (
	NoticeWaiting = notice.NoticeWaiting
	NoticeRunning = notice.NoticeRunning
	NoticeDone    = notice.NoticeDone
)

// The errors that callers tell apart with [errors.Is].
var (
	// ErrNotFound says that there is no such robot, message, app, person or whatever
	// else was named.
	ErrNotFound = core.ErrNotFound
	// ErrExists says that a name, token or id is taken.
	ErrExists = core.ErrExists
)

// FaultKinds lists every kind in the order of their declaration.
func FaultKinds() []FaultKind { return core.FaultKinds() }

// DingTalkRate is DingTalk's: 20 a minute, then blocked for ten minutes.
func DingTalkRate() Rate { return robot.DingTalkRate() }

// DemoRobot returns a robot for demonstrations and tests. Its token follows from
// its name, so it is the same at every start; change the other fields at will.
func DemoRobot(name string) Robot { return robot.Demo(name) }

// DemoApp returns an app for demonstrations and tests. Key and secret follow from its
// name, so they are the same at every start; change the other fields at will.
func DemoApp(name string) App { return core.DemoApp(name) }
