// Package callbacks is the contract of what happens beside a DAG run: notifiers and
// functions that are told when a task or a run succeeds, fails, is retried or skipped.
//
// A callback works in two steps so that nothing is lost in a crash. [Callback.Prepare]
// turns the event into a [Message] without any I/O; the engine writes it to the
// outbox in the transaction that ends the attempt. A [Sender] delivers it later, in
// order for each channel, and after a restart if need be.
package callbacks

import (
	"context"
	"encoding/json"
	"time"
)

// Kind says what happened. The values are Airflow's words.
type Kind string

// The kinds of events. Execute comes before each attempt; Skipped only when the
// task itself asked to be skipped (Airflow, "Callbacks").
const (
	Execute Kind = "on_execute"
	Success Kind = "on_success"
	Failure Kind = "on_failure"
	Retry   Kind = "on_retry"
	Skipped Kind = "on_skipped"
	// Recovery tells of the first success after failures that were told.
	Recovery Kind = "on_recovery"
	// Asked tells what a task asks people.
	Asked Kind = "on_ask"
	// Missed tells of due ticks of a schedule that started no run.
	Missed Kind = "on_missed"
	// Deadline tells of a run that has not finished by a deadline of its DAG.
	Deadline Kind = "on_deadline"
	// ImportError tells of DAG files that can't be loaded any more, or can again.
	ImportError Kind = "on_import_error"
	// SilenceEnd tells what was not told during a [Silence].
	SilenceEnd Kind = "on_silence_end"
	// Folded tells several events in one message, which is a [Digest].
	Folded Kind = "digest"
	// DailyDigest tells once a day what ran, what failed and what did not start.
	DailyDigest Kind = "on_daily_digest"
	// NearlySpent tells, once a month, that a robot has had most of its messages of the month, or all.
	NearlySpent Kind = "on_quota"
)

// Event is what a callback is told. Encodes to JSON.
type Event struct {
	Kind  Kind   `json:"kind"`
	DAGID string `json:"dag_id"`
	RunID string `json:"run_id"`
	// TaskID is empty for DAG-level callbacks.
	TaskID    string `json:"task_id,omitempty"`
	MapIndex  int    `json:"map_index"`
	TryNumber int    `json:"try_number,omitempty"`
	MaxTries  int    `json:"max_tries,omitempty"`
	State     string `json:"state"`
	// Reason is set for DAG-level callbacks: task_failure, success, timed_out,
	// all_tasks_deadlocked, deadline_missed, or for a run that could not go on
	// version_not_loadable, rows_not_readable or internal_error. For on_recovery it is
	// success or, when a person set the state, marked_success.
	Reason string `json:"reason,omitempty"`
	// Error is the masked error text of the attempt; empty when there is none.
	Error       string     `json:"error,omitempty"`
	LogicalDate *time.Time `json:"logical_date,omitempty"`
	StartDate   *time.Time `json:"start_date,omitempty"`
	EndDate     *time.Time `json:"end_date,omitempty"`
	// NextRetry is when the next try starts, for on_retry.
	NextRetry *time.Time `json:"next_retry,omitempty"`
	// FailedTasks lists the ids of failed tasks, for DAG-level callbacks.
	FailedTasks []string `json:"failed_tasks,omitempty"`
	// Causes are the failures with which those of a run began, at most 10, for DAG-level
	// callbacks. Each is of a task that no failed task is upstream of.
	Causes []Cause `json:"causes,omitempty"`
	// Blocks lists the ids of the tasks that do not run because this one failed, in
	// topological order, for on_failure of a task.
	Blocks []string `json:"blocks,omitempty"`
	// BrokenSince is the end of the first failure that was told since the last success, and
	// Failures how many were, for on_recovery.
	BrokenSince *time.Time `json:"broken_since,omitempty"`
	Failures    int        `json:"failures,omitempty"`
	// URL is the page about it: of the try, of the run, of the DAG; RunURL for one of a task that of its run. Both are empty
	// where people reach no pages.
	URL    string `json:"url,omitempty"`
	RunURL string `json:"run_url,omitempty"`
	// Paused says why the DAG was paused by itself with this event; empty when it was not.
	// With on_missed State is paused then, and there are no ticks yet.
	Paused string `json:"paused,omitempty"`
	// Ticks are the due ticks that started no run, for on_missed; RunID is empty then,
	// State is missed or skipped, and Reason says why.
	Ticks *Ticks `json:"ticks,omitempty"`
	// Deadline is the moment by which the run was to have finished, for on_deadline.
	Deadline *time.Time `json:"deadline,omitempty"`
	// Files are the DAG files that on_import_error tells of. State is broken or mended then,
	// Error are the errors, a line each, and there is neither DAG nor run.
	Files []BrokenFile `json:"files,omitempty"`
	// Silence is the one that on_silence_end tells of. State is ended then, Reason sums it up, and there
	// is neither run nor task.
	Silence *Silence `json:"silence,omitempty"`
	// Day is what on_daily_digest tells. State is success then, or failed when anything wants a
	// look, Reason sums it up, and there is neither DAG nor run.
	Day *Day `json:"day,omitempty"`
	// Quota is what on_quota tells. State is nearly_spent then, or spent when all of it is used up, Reason says
	// what is no longer sent, and there is neither DAG nor run.
	Quota *Quota `json:"quota,omitempty"`
	// Ask is what on_ask tells. State is deferred then.
	Ask *Ask `json:"ask,omitempty"`
	// Log is where the log of the attempt lies.
	Log string `json:"log,omitempty"`
	// LogHost is the machine of Log where that is not the log folder of the process that tells of it, and LogStored says that
	// the log goes from there into the log store.
	LogHost   string `json:"log_host,omitempty"`
	LogStored bool   `json:"log_stored,omitempty"`
	// Host is the machine of the attempt, or for a DAG-level event that of the engine.
	Host string `json:"host,omitempty"`
	// Owner is the owner of the task, or of the DAG.
	Owner string `json:"owner,omitempty"`
	// OwnerMobiles, OwnerUserIDs and OwnerEmails are the people whom the event concerns: those
	// behind the owner of the task; of a run, behind the owners of the tasks that failed, or of
	// all its tasks when none did. OwnerProblem says why some are missing, or may be.
	OwnerMobiles []string `json:"owner_mobiles,omitempty"`
	OwnerUserIDs []string `json:"owner_user_ids,omitempty"`
	OwnerEmails  []string `json:"owner_emails,omitempty"`
	OwnerProblem string   `json:"owner_problem,omitempty"`
	// Timezone is the IANA name of the DAG's zone, in which texts show times.
	Timezone string `json:"timezone,omitempty"`
	// Program is how people call the program on that machine in the commands that texts
	// tell; without it they tell none.
	Program string `json:"program,omitempty"`
	// Problem says why the message that people wrote does not tell the event, when
	// another one stands in for it.
	Problem string `json:"problem,omitempty"`
	// Digest is what [Folded] tells; RunID and TaskID are empty then, DAGID if there are several.
	Digest *Digest `json:"digest,omitempty"`
	// DAGFolder is the directory of the DAG file, for relative file names.
	DAGFolder string `json:"-"`
}

// Cause is a failure with which others began: that of the first failed instance of a task.
type Cause struct {
	TaskID string `json:"task_id"`
	// MapIndex is -1 for an unmapped task.
	MapIndex int `json:"map_index"`
	// Error is the masked error text of its last try.
	Error string `json:"error"`
}

// Ask is what a task asks people.
type Ask struct {
	// ID is the number with which people answer.
	ID      int64  `json:"id"`
	Subject string `json:"subject"`
	// Body is Markdown.
	Body    string   `json:"body,omitempty"`
	Options []string `json:"options"`
	// Multiple says that several options may be chosen.
	Multiple bool     `json:"multiple,omitempty"`
	Defaults []string `json:"defaults,omitempty"`
	// Params are the names of the fields to fill in, Needed those without a default.
	Params []string `json:"params,omitempty"`
	Needed []string `json:"needed,omitempty"`
	// Assigned are those who may answer; none are all who may operate the DAG.
	Assigned []string `json:"assigned_users,omitempty"`
	// AssignedIDs are their ids alone.
	AssignedIDs []string `json:"assigned_ids,omitempty"`
	// Deadline is until when, nil for no end.
	Deadline *time.Time `json:"deadline,omitempty"`
}

// BrokenFile is a DAG file that can't be loaded, or could not be.
type BrokenFile struct {
	File string `json:"file"`
	// Since is when that was seen, Until when the file was seen mended.
	Since time.Time  `json:"since"`
	Until *time.Time `json:"until,omitempty"`
	// DAGs are the known DAGs in it that get no new runs.
	DAGs []string `json:"dags,omitempty"`
	// Error are its errors, a line each, with their places.
	Error string `json:"error"`
	// Gone says that the file was not mended but removed.
	Gone bool `json:"gone,omitempty"`
}

// Ticks is a stretch of due ticks. First and Last are the moments at which the first and
// the last of them were due, Count is how many there are.
type Ticks struct {
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	Count int       `json:"count"`
}

// Callback is one configured callback, decoded from a DAG file or built in Go.
type Callback interface {
	// Prepare turns the event into what is to be delivered. It does no I/O. The
	// templated fields of the callback have been rendered before. After an error, or a
	// panic, a [Fallback] tells the event instead, and the outbox has a record of it.
	Prepare(ev *Event) (Message, error)
}

// Fallback is implemented by callbacks with a default message, which goes out when the
// one that people wrote can't be rendered or prepared.
type Fallback interface {
	// Fallback returns a copy with the default message, for the same receiver. The paths
	// of the parameters in lost, such as "message.text", have no value, because their
	// templates failed. The error says that nothing can be sent without them.
	Fallback(lost []string) (Callback, error)
}

// RenderChecker is implemented by callbacks that tell nothing when their templates give
// nothing, and could not tell that from a parameter that people left empty on purpose.
type RenderChecker interface {
	// CheckRendered looks at the callback, whose templates have been rendered, beside
	// what the file says, which is of the same type. After an error a [Fallback] tells
	// the event instead.
	CheckRendered(file Callback) error
}

// Message is one delivery, as it lies in the outbox.
type Message struct {
	// Sender names the [Sender] that delivers it, for instance "dingding".
	Sender string
	// Channel orders deliveries: messages of one channel leave one after another, and share their fate
	// when the receiver is gone or away. See [ChannelOf].
	Channel string
	// Summary is one line for people: what is delivered to whom.
	Summary string
	// Payload is the sender's own JSON. It holds no credentials: these are looked
	// up at delivery.
	Payload json.RawMessage
	// Terms are those of the callback, unless it sets its own.
	Terms Terms
	// Urgent says that it leaves before all others, and by itself: it is never folded.
	Urgent bool
	// Card is what is kept of a card that is redrawn after it was delivered; nil for any other message. A message
	// that comes from the outbox has none.
	Card *Card
	// ID is the number of the message in the outbox, 0 before it lies there.
	ID int64
}

// Card is a card with buttons, as it is known before it is delivered.
type Card struct {
	// OutTrackID is the caller's id of the card, ConnID the connection of the app.
	OutTrackID, ConnID string
	// Face is what it shows, as JSON of package face.
	Face json.RawMessage
	// OpenConversationID and UserIDs are the receivers, none for those of the connection.
	OpenConversationID string
	UserIDs            []string
}

// Terms say on which terms a message leaves.
type Terms struct {
	// DedupeKey is the same for messages of which one is enough within DedupeWindow; empty for none.
	DedupeKey    string
	DedupeWindow time.Duration
}

// Termed is implemented by callbacks that have [Terms].
type Termed interface {
	// Terms are those of the callback, whose templates have been rendered.
	Terms() Terms
}

// Sender delivers messages of one kind.
type Sender interface {
	// Send delivers one message and returns the receiver's answer for the record.
	Send(ctx context.Context, m Message) (receipt string, err error)
}

// DeliveryError lets a sender tell the outbox what to do after a failed delivery.
// Any other error counts as final.
type DeliveryError interface {
	error
	// Retryable reports whether a later try may help and cannot deliver twice.
	Retryable() bool
	// Uncertain reports that the message may have been delivered.
	Uncertain() bool
	// RetryDelay is the least time to wait before the next try, 0 for the default.
	RetryDelay() time.Duration
}

// UnknownError is a [DeliveryError] that may be a refusal for a reason that nobody knows.
// Such a message is tried a few times and is final then; it does not hold up others.
type UnknownError interface {
	DeliveryError
	// Unknown reports whether the receiver answered, and the answer is not known.
	Unknown() bool
}

// ThrottleError is a [DeliveryError] that may be a block of the sender as a whole: the
// receiver takes nothing through the same channel before [DeliveryError.RetryDelay].
type ThrottleError interface {
	DeliveryError
	// Throttled reports whether it is such a block.
	Throttled() bool
}

// GatedError is a [DeliveryError] of a message that did not leave, because the receiver has had
// enough for now. It is to be asked again after [DeliveryError.RetryDelay], without an end: it is neither a
// failure of the message nor one of its receiver. Its number of attempts has gone up all the same, and that
// attempt has a record only if parts of the message left.
type GatedError interface {
	DeliveryError
	// Gated reports whether it is so.
	Gated() bool
}

// SpentError is a [DeliveryError] of a message that was not sent because the quota of its receiver is used
// up, or kept for what is more urgent.
type SpentError interface {
	DeliveryError
	// Spent reports whether it is so.
	Spent() bool
}

// RefusalError is a [DeliveryError] that may say more of the receiver than of the message.
type RefusalError interface {
	DeliveryError
	// Gone reports that the receiver would refuse any message: it does not exist (any more), or
	// does not know the sender.
	Gone() bool
	// NoKeyword reports that the message lacks a word without which the receiver takes none, so
	// that others like it would be refused, too.
	NoKeyword() bool
}

// AnsweredError is implemented by errors of senders that know what the receiver answered.
type AnsweredError interface {
	error
	// Answer returns the HTTP status of the answer, 0 without one, and the receiver's own code, empty
	// when it sent none.
	Answer() (status int, code string)
}

// PartsError is implemented by errors of a [PartSender].
type PartsError interface {
	error
	// PartsInAll returns how many parts the message has, 0 when that is not known.
	PartsInAll() int
}

// PacedSender is implemented by senders to receivers that take so many messages in a time, from
// whomever they come.
type PacedSender interface {
	// Ready returns nil when m may leave now, or a [GatedError] that says when to ask again. Any
	// other error is left to Send. Whoever the context is of stands in line from then on.
	Ready(ctx context.Context, m Message) error
}

// PartSender is implemented by senders of messages that may leave in several parts.
type PartSender interface {
	Sender
	// SendParts is Send for a message of which parts may have arrived before. progress is
	// what took was told last, empty at first. took is called after each part that the
	// receiver took but the last, of which the receipt tells, with the progress from then on and a
	// receipt for people; what it is told survives a crash. An error of took ends the sending.
	SendParts(ctx context.Context, m Message, progress string, took func(progress, receipt string) error) (receipt string, err error)
}

// FoldSender is implemented by senders that can tell in one message what several of theirs tell.
// Without it messages leave one by one, however many wait.
type FoldSender interface {
	// Fold begins such a message.
	Fold() Folding
}

// Folding is a message that tells what several others tell, for the same receiver.
type Folding interface {
	// Add looks at one of them. It returns the beginning of what people wrote in it, empty for a
	// default message.
	Add(m Message) (said string, err error)
	// Message tells ev, which is a [Folded] one, to all whom one of the messages notifies. It
	// takes no more than the receiver takes at once.
	Message(ev *Event) (Message, error)
}

// NoteSender is implemented by senders whose messages can have a note for people below what they say.
type NoteSender interface {
	// WithNote returns m with the note in place of any that it has; an empty one only takes that
	// away. It reports false, and returns m without any, when m can't have the note.
	WithNote(m Message, note string) (Message, bool)
}

// FallbackSender is implemented by senders that know a simpler message for what the
// receiver refuses for its content.
type FallbackSender interface {
	// Fallback returns a message that tells ev in place of m, which failed for good with
	// err, or false when there is none that would fare better.
	Fallback(m Message, ev *Event, err error) (Message, bool)
}

// EventSender is implemented by senders that can tell any event to whom one of their messages is for.
type EventSender interface {
	// Tell returns the default message that tells ev to the receiver of m, and notifies nobody there. It
	// is the same for all messages with the same receiver.
	Tell(m Message, ev *Event) (Message, error)
}

// Conn is what a [StandInSender] is told of a connection.
type Conn struct {
	// ID and Type are those of the connection, Login its user or the key of its app.
	ID, Type, Login string
	// Extra is its extra. Numbers are [json.Number].
	Extra map[string]any
}

// StandInSender is implemented by senders that can tell any event through a connection, when
// another one could not deliver it.
type StandInSender interface {
	// Serves reports whether it sends through connections like this one.
	Serves(c Conn) bool
	// StandIn returns a message that tells the event through the connection, to whomever its extra
	// names.
	StandIn(c Conn, ev *Event) (Message, error)
}

// RecallSender is implemented by senders that can take a message back.
type RecallSender interface {
	Sender
	// Recall returns a message that takes m back, which was delivered with a receipt, or false
	// when it can't or need not be. Sending it twice must do no harm.
	Recall(m Message, receipt string) (Message, bool)
}

// ConnSender is implemented by senders through connections. Messages that wait leave at
// once when their connection has been changed.
type ConnSender interface {
	// ConnID returns the id of the connection that m leaves through, or "".
	ConnID(m Message) string
}

// Describer is implemented by senders that can show people what lies in the outbox.
type Describer interface {
	// Describe returns what m says, without credentials.
	Describe(m Message) (Description, error)
}

// Description is what a message says to people. Title may be empty. Mentions are who is notified by
// it, of mobile numbers only the last four digits.
type Description struct {
	Title, Text string
	Mentions    []string
}

// RepeatSender is implemented by senders that can tell whether sending a message twice
// does no harm. The outbox asks when a process died while a message was leaving;
// without this method the message counts as uncertain and is not sent again.
type RepeatSender interface {
	// RepeatSafe reports whether m may be sent again although it may have arrived.
	RepeatSafe(m Message) bool
}
