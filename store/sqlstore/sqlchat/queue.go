package sqlchat

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

var (
	messageTable = sqlrow.Declare("chat_message", func(m *store.ChatMessage) []sqlrow.Field {
		return []sqlrow.Field{
			sqlrow.Col("id", &m.ID),
			sqlrow.Col("conn_id", &m.ConnID),
			sqlrow.Col("app", &m.App),
			sqlrow.Col("kind", &m.Kind),
			sqlrow.Col("key", &m.Key),
			sqlrow.Col("conversation_id", &m.ConversationID),
			sqlrow.Col("conversation", &m.ConversationTitle),
			sqlrow.Col("user_id", &m.UserID),
			sqlrow.Col("nick", &m.Nick),
			sqlrow.Col("said", &m.Text),
			sqlrow.Col("payload", sqlrow.RawJSON(&m.Payload)),
			sqlrow.Col("reply", &m.Reply),
			sqlrow.Col("reply_until", sqlrow.Moment(&m.ReplyUntil)),
			sqlrow.Col("received_at", sqlrow.Moment(&m.ReceivedAt)),
			sqlrow.Col("state", &m.State),
			sqlrow.Col("started_at", sqlrow.Moment(&m.StartedAt)),
			sqlrow.Col("attempts", &m.Attempts),
			sqlrow.Col("node", &m.Node),
			sqlrow.Col("next_try", sqlrow.Moment(&m.NextTry)),
			sqlrow.Col("outcome", &m.Outcome),
			sqlrow.Col("answer", answer{&m.Answer}),
			sqlrow.Col("answer_state", &m.AnswerState),
			sqlrow.Col("done_at", sqlrow.Moment(&m.DoneAt)),
			sqlrow.Col("error", &m.Error),
		}
	})
	messageNew  = messageTable.But("id")
	messageDone = messageTable.Only("nick", "state", "next_try", "outcome", "answer", "answer_state", "done_at", "error", "reply", "reply_until")
)

var leaseTable = sqlrow.Declare("named_lease", func(l *store.NamedLease) []sqlrow.Field {
	return []sqlrow.Field{
		sqlrow.Col("name", &l.Name),
		sqlrow.Col("holder", &l.Holder),
		sqlrow.Col("until", sqlrow.Moment(&l.Until)),
		sqlrow.Col("note", sqlrow.RawJSON(&l.Note)),
	}
})

var leaseAll = leaseTable.But()

// answer is an answer as JSON.
type answer struct{ a *store.ChatAnswer }

// Scan reads it.
func (a answer) Scan(src any) error {
	*a.a = store.ChatAnswer{}
	text, ok := src.(string)
	if !ok {
		return fmt.Errorf("the answer to a message is %T", src)
	}
	return json.Unmarshal([]byte(text), a.a)
}

// Value writes it.
func (a answer) Value() (driver.Value, error) {
	b, err := json.Marshal(a.a)
	return string(b), err
}

// openMessage is the condition of what is not at its end, in the words of the index.
const openMessage = "state IN ('waiting', 'working')"

// ChatHeads returns what is first in each conversation, see [store.Chat]. The index leads from one conversation to
// the next, over whatever waits between.
func (q Queries) ChatHeads(ctx context.Context, app string) ([]*store.ChatMessage, error) {
	ms, err := sqlrow.Collect(ctx, q.c, messageTable.Scan, `WITH RECURSIVE own (place) AS (
  SELECT (SELECT conversation_id FROM chat_message WHERE `+openMessage+` AND app = ? ORDER BY conversation_id LIMIT 1)
  UNION ALL
  SELECT (SELECT conversation_id FROM chat_message WHERE `+openMessage+` AND app = ? AND conversation_id > own.place ORDER BY conversation_id LIMIT 1)
  FROM own WHERE own.place IS NOT NULL
) `+messageTable.Select()+` WHERE id IN (SELECT (SELECT id FROM chat_message WHERE `+openMessage+`
    AND app = ? AND conversation_id = own.place ORDER BY id LIMIT 1) FROM own WHERE own.place IS NOT NULL) ORDER BY id`, app, app, app)
	return ms, sqlrow.Wrapped("read what came from the chat", err)
}

// ChatMessage returns one, see [store.Chat].
func (q Queries) ChatMessage(ctx context.Context, id int64) (*store.ChatMessage, error) {
	m, err := sqlrow.One(ctx, q.c, messageTable.Scan, messageTable.Select()+" WHERE id = ?", id)
	if err == nil && m == nil {
		err = store.ErrNotFound
	}
	return m, sqlrow.Wrapped("read what came from the chat", err)
}

// ChatLog returns what came, see [store.Chat].
func (q Queries) ChatLog(ctx context.Context, f store.ChatFilter) ([]*store.ChatMessage, error) {
	var where []string
	var args []any
	add := func(condition string, arg any) { where, args = append(where, condition), append(args, arg) }
	for _, c := range []struct{ column, value string }{{"conn_id", f.ConnID}, {"conversation_id", f.ConversationID}, {"user_id", f.UserID}} {
		if c.value != "" {
			add(c.column+" = ?", c.value)
		}
	}
	where, args = among(where, args, "kind", f.Kinds)
	where, args = among(where, args, "state", f.States)
	if !f.Since.IsZero() {
		add("received_at >= ?", sqlrow.UnixMilli(f.Since))
	}
	if !f.Until.IsZero() {
		add("received_at < ?", sqlrow.UnixMilli(f.Until))
	}
	if f.Behind > 0 {
		add("id < ?", f.Behind)
	}
	query := messageTable.Select() + sqlrow.Conditions(where) + " ORDER BY id DESC"
	if f.Limit > 0 {
		query, args = query+" LIMIT ?", append(args, f.Limit)
	}
	ms, err := sqlrow.Collect(ctx, q.c, messageTable.Scan, query, args...)
	return ms, sqlrow.Wrapped("list what came from the chat", err)
}

// among adds the condition that a column has one of some values, unless there are none.
func among[T ~string](where []string, args []any, column string, values []T) ([]string, []any) {
	if len(values) == 0 {
		return where, args
	}
	for _, v := range values {
		args = append(args, string(v))
	}
	return append(where, column+" IN ("+sqlrow.Marks(len(values))+")"), args
}

// InsertChatMessage adds one, see [store.ChatTx].
func (q Queries) InsertChatMessage(ctx context.Context, m *store.ChatMessage) (bool, error) {
	ids, err := sqlrow.Column[int64](ctx, q.c, messageNew.Insert()+" ON CONFLICT DO NOTHING RETURNING id", messageNew.Args(m)...)
	if err != nil || len(ids) == 0 {
		return false, sqlrow.Wrapped("keep what came from the chat", err)
	}
	m.ID = ids[0]
	return true, nil
}

// ClaimChatMessage begins the work on one, see [store.ChatTx].
func (q Queries) ClaimChatMessage(ctx context.Context, m *store.ChatMessage) (bool, error) {
	n, err := q.c.Exec(ctx, `UPDATE chat_message SET state = 'working', started_at = ?, node = ?, attempts = attempts + 1
		WHERE id = ? AND state = 'waiting' AND attempts = ?`, sqlrow.UnixMilli(m.StartedAt), m.Node, m.ID, m.Attempts)
	if err != nil || n == 0 {
		return false, sqlrow.Wrapped("begin with what came from the chat", err)
	}
	m.State = store.ChatWorking
	m.Attempts++
	return true, nil
}

// UpdateChatMessage writes what came of one, see [store.ChatTx].
func (q Queries) UpdateChatMessage(ctx context.Context, m *store.ChatMessage) error {
	n, err := q.c.Exec(ctx, messageDone.Update()+" WHERE id = ? AND state = 'working' AND attempts = ?", messageDone.Args(m, m.ID, m.Attempts)...)
	if err == nil && n == 0 {
		err = store.ErrLostLease
	}
	return sqlrow.Wrapped("keep what became of a message from the chat", err)
}

// cutOff is the error of what was being answered when a process ended.
const cutOff = "the process ended while the answer was being sent: nobody knows whether it arrived"

// ReturnChatMessages lets what was cut off wait again, see [store.ChatTx].
func (q Queries) ReturnChatMessages(ctx context.Context, app string, at time.Time) (waiting, uncertain int, err error) {
	const working = openMessage + " AND app = ? AND state = 'working' AND answer_state"
	lost, err := q.c.Exec(ctx, "UPDATE chat_message SET state = outcome, answer_state = 'uncertain', done_at = ?, reply = '', error = ? WHERE "+working+" = 'sending'",
		sqlrow.UnixMilli(at), cutOff, app)
	if err != nil {
		return 0, 0, fmt.Errorf("go on with what came from the chat: %w", err)
	}
	back, err := q.c.Exec(ctx, "UPDATE chat_message SET state = 'waiting', next_try = NULL WHERE "+working+" <> 'sending'", app)
	return int(back), int(lost), sqlrow.Wrapped("go on with what came from the chat", err)
}

// NamedLease returns a lease, see [store.Chat].
func (q Queries) NamedLease(ctx context.Context, name string) (*store.NamedLease, error) {
	l, err := sqlrow.One(ctx, q.c, leaseTable.Scan, leaseTable.Select()+" WHERE name = ?", name)
	if err == nil && l == nil {
		err = store.ErrNotFound
	}
	return l, sqlrow.Wrapped("read a lease", err)
}

// NamedLeases returns some, see [store.Chat].
func (q Queries) NamedLeases(ctx context.Context, prefix string) ([]*store.NamedLease, error) {
	ls, err := sqlrow.Collect(ctx, q.c, leaseTable.Scan, leaseTable.Select()+" WHERE name >= ? AND name < ? ORDER BY name", prefix, prefix+"\U0010FFFF")
	return ls, sqlrow.Wrapped("read leases", err)
}

// TakeLease takes a lease or renews it, see [store.ChatTx].
func (q Queries) TakeLease(ctx context.Context, l store.NamedLease, now time.Time) (bool, error) {
	n, err := q.c.Exec(ctx, leaseAll.Insert()+` ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until, note = excluded.note
		WHERE named_lease.holder = excluded.holder OR named_lease.until <= ? OR named_lease.until > ?`,
		leaseAll.Args(&l, sqlrow.UnixMilli(now), sqlrow.UnixMilli(l.Until.Add(l.Until.Sub(now))))...)
	return n > 0, sqlrow.Wrapped("take a lease", err)
}

// DropLease gives a lease up, see [store.ChatTx].
func (q Queries) DropLease(ctx context.Context, name, holder string) error {
	_, err := q.c.Exec(ctx, "DELETE FROM named_lease WHERE name = ? AND holder = ?", name, holder)
	return sqlrow.Wrapped("give a lease up", err)
}
