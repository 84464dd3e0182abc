package chat

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/incoming"
	"github.com/dingdag/dingdag/store"
)

// queue works on what came to one application. Only the process that holds its lease has one.
type queue struct {
	o   *Options
	app App
	// wake is told of what came.
	wake chan struct{}
}

func newQueue(o *Options, app App) *queue {
	return &queue{o: o, app: app, wake: make(chan struct{}, 1)}
}

// told wakes the queue.
func (q *queue) told() {
	select {
	case q.wake <- struct{}{}:
	default: // it is going to look
	}
}

// recover lets what a dead process was working on wait again.
func (q *queue) recover(ctx context.Context) error {
	return q.o.Store.Tx(ctx, func(tx store.Tx) error {
		waiting, uncertain, err := tx.ReturnChatMessages(ctx, q.app.Key, q.now())
		if err == nil && waiting+uncertain > 0 {
			q.o.Log.Warn("chat: goes on with what was cut off", "conn_id", q.app.ConnID, "waiting", waiting, "uncertain", uncertain)
		}
		return err
	})
}

func (q *queue) now() time.Time { return q.o.Clock().UTC().Truncate(time.Millisecond) }

// run works until taking ends: then nothing more is begun, and what is being worked on goes on
// until it is done or working ends.
func (q *queue) run(taking, working context.Context) {
	var work sync.WaitGroup
	defer work.Wait()
	ended := make(chan string, workers)
	busy := map[string]bool{}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-taking.Done():
			return
		case place := <-ended:
			delete(busy, place)
		case <-q.wake:
		case <-timer.C:
		}
		for drained := false; !drained; { // one look for all of them
			select {
			case place := <-ended:
				delete(busy, place)
			default:
				drained = true
			}
		}
		pause := look
		heads, err := q.o.Store.ChatHeads(taking, q.app.Key)
		if err != nil && taking.Err() == nil {
			q.o.Log.Error("chat: read the queue", "conn_id", q.app.ConnID, "error", err)
		}
		for _, m := range heads {
			switch wait := m.NextTry.Sub(q.now()); {
			case busy[m.ConversationID] || m.State != store.ChatWaiting || len(busy) >= workers:
			case wait > 0:
				pause = min(pause, wait)
			default:
				busy[m.ConversationID] = true
				work.Go(func() {
					defer func() { ended <- m.ConversationID }()
					err := q.work(working, m)
					switch {
					case errors.Is(err, store.ErrLostLease):
						q.o.Log.Warn("chat: another process has taken over what came", "conn_id", q.app.ConnID, "id", m.ID)
					case err != nil:
						q.o.Log.Error("chat: work on what came", "conn_id", q.app.ConnID, "id", m.ID, "error", q.o.Masker.Mask(err.Error()))
					}
					if err != nil {
						sleep(taking, firstPause) // it waits as before
					}
				})
			}
		}
		timer.Reset(pause)
	}
}

// work takes one item as far as it gets. Its error is one of the store.
func (q *queue) work(ctx context.Context, m *store.ChatMessage) error {
	m.StartedAt, m.Node = q.now(), q.o.Node
	var mine bool
	err := q.o.Store.Tx(ctx, func(tx store.Tx) (err error) {
		// A process that wakes after it has lost the lease begins nothing that nobody would go on with.
		switch l, err := tx.NamedLease(ctx, LeaseName(q.app)); {
		case errors.Is(err, store.ErrNotFound), err == nil && l.Holder != q.o.Node:
			return store.ErrLostLease
		case err != nil:
			return err
		}
		mine, err = tx.ClaimChatMessage(ctx, m)
		return err
	})
	if err != nil || !mine {
		return err
	}
	m.NextTry, m.Error = time.Time{}, ""
	it, err := item(m, q.o.Sealer)
	if err != nil {
		return q.end(ctx, m, store.ChatFailed, err)
	}
	if m.AnswerState == store.ChatAnswerReady {
		return q.answer(ctx, it, Outcome{Title: m.Answer.Title, Text: m.Answer.Text, Pressed: m.Answer.Pressed})
	}
	out, err := q.carryOut(ctx, it)
	m.Nick = cmp.Or(m.Nick, out.Nick)
	if err != nil {
		if ctx.Err() != nil || store.Temporary(err) && m.Attempts < tries {
			return q.later(ctx, m, err)
		}
		cause := err
		if out, err = q.failed(ctx, it, cause); err != nil {
			return q.later(ctx, m, err)
		}
		m.Outcome, m.Error = store.ChatFailed, q.o.Masker.Mask(cause.Error())
	} else {
		m.Outcome = store.ChatAnswered
		if out.Refused {
			m.Outcome = store.ChatRefused
		}
	}
	return q.answer(ctx, it, out)
}

// failed tells people of an error that will stay, or has for long enough. Its own error is one of the store.
func (q *queue) failed(ctx context.Context, it *Item, cause error) (Outcome, error) {
	if it.Event != nil {
		return Outcome{}, nil // nobody has asked
	}
	if store.Temporary(cause) {
		return Outcome{
			Title: it.Say("Not done", "未执行"),
			Text:  it.Say("⚠️ It could not be done within %d minutes: see the log of dingdag. Try again.", "⚠️ %d 分钟内未能完成，请查看 dingdag 日志后重试。", int(patience.Minutes())),
		}, nil
	}
	done, err := q.done(ctx, it)
	if err != nil {
		return Outcome{}, err
	}
	q.o.Log.Error("chat: cannot be done", "conn_id", q.app.ConnID, "id", it.Row.ID, "done", done, "error", q.o.Masker.Mask(cause.Error()))
	text := strings.NewReplacer("\n", " ", "`", "'").Replace(q.o.Masker.Mask(cause.Error()))
	if len(text) > longestCause {
		text = strings.ToValidUTF8(text[:longestCause], "") + "…"
	}
	if done {
		return Outcome{Title: it.Say("Done, with an error", "已执行，但有错误"), Text: it.Say("⚠️ It was carried out, but then: `%s`", "⚠️ 已执行，但随后出错：`%s`", text)}, nil
	}
	return Outcome{Title: it.Say("Not done", "未执行"), Text: it.Say("⚠️ It cannot be done: `%s`", "⚠️ 无法执行：`%s`", text)}, nil
}

// carryOut does what an item says. A panic is an error.
func (q *queue) carryOut(ctx context.Context, it *Item) (out Outcome, err error) {
	defer func() {
		if r := recover(); r != nil {
			q.o.Log.Error("chat: panic", "conn_id", q.app.ConnID, "id", it.Row.ID, "panic", q.o.Masker.Mask(fmt.Sprint(r)), "stack", string(debug.Stack()))
			out, err = Outcome{Title: it.Say("Not done", "未执行"), Text: it.Say("⚠️ A mistake of dingdag: see its log.", "⚠️ dingdag 内部错误，请查看日志。"), Refused: true}, nil
		}
	}()
	for _, w := range q.o.Watchers {
		if made, taken, err := w.Came(ctx, it); err != nil || taken {
			return Outcome{Text: made, Shown: true}, err
		}
	}
	switch {
	case it.Message != nil:
		return q.command(ctx, it)
	case it.Press != nil && q.o.Presses == nil:
		return Outcome{Refused: true}, nil
	case it.Press != nil:
		return q.o.Presses.Press(ctx, it)
	default:
		return Outcome{}, nil
	}
}

// command does what a message says.
func (q *queue) command(ctx context.Context, it *Item) (Outcome, error) {
	switch {
	case !q.app.Commands:
		return Outcome{}, nil
	case it.Message.ErrorCode == incoming.QuotaSpent:
		return unheard("钉钉未提供消息内容：本月机器人消息额度已用完。",
			"DingTalk delivered this message without its text: the organisation has used up what robots may receive this month."), nil
	case it.Message.ErrorCode != "":
		return unheard("钉钉未提供消息内容（错误码 "+it.Message.ErrorCode+"）。", "DingTalk delivered this message without its text (code "+it.Message.ErrorCode+")."), nil
	}
	now := q.o.Clock()
	if age := it.age(now); age > stale && q.o.Commands.Changes(it.Message.Text) {
		done, err := q.done(ctx, it)
		if err != nil {
			return Outcome{}, err
		}
		if !done {
			return refusal(
				it,
				fmt.Sprintf("This command was written %d minutes ago and was not carried out: it came too late (now %s by this machine's clock). Write it again if it is still wanted.", int(age.Minutes()), now.UTC().Format("2006-01-02 15:04 MST")),
				fmt.Sprintf("这条命令发送于 %d 分钟前，已过期，未执行（本机时间 %s）。如仍需要请重新发送。", int(age.Minutes()), now.UTC().Format("2006-01-02 15:04 MST")),
			), nil
		}
	}
	return q.o.Commands.Do(ctx, it)
}

// done reports whether an earlier attempt has made the change that an item asks for.
func (q *queue) done(ctx context.Context, it *Item) (bool, error) {
	_, err := q.o.Store.EventOfRef(ctx, it.Row.Ref())
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func refusal(it *Item, en, zh string) Outcome {
	return Outcome{Title: it.Say("Not done", "未执行"), Text: "⚠️ " + it.Say("%s", "%s", map[bool]string{false: en, true: zh}[it.chinese()]), Refused: true}
}

// unheard is a refusal of a message that came without its text. Nobody knows in which language it was written, so it is
// in both, as cards are.
func unheard(zh, en string) Outcome {
	return Outcome{Title: "未执行 Not done", Text: "⚠️ " + zh + "\n\n" + en, Refused: true}
}

// answer sends what is answered, if anything is, and ends the item. That the sending begins is in
// the store before it does: after a crash nobody would know otherwise whether it had.
func (q *queue) answer(ctx context.Context, it *Item, out Outcome) error {
	m := it.Row
	m.Answer = store.ChatAnswer{Title: q.o.Masker.Mask(out.Title), Text: q.o.Masker.Mask(out.Text), TextSent: m.Answer.TextSent && out.File != nil, Pressed: out.Pressed}
	out.Title, out.Text = m.Answer.Title, m.Answer.Text
	if out.File != nil {
		m.Answer.File = out.File.Name
	}
	if out.Shown || out.Text == "" && out.File == nil {
		return q.end(ctx, m, m.Outcome, nil)
	}
	if ctx.Err() != nil { // the process stops, or somebody else has taken over
		return q.again(ctx, m, out, time.Time{})
	}
	m.AnswerState = store.ChatAnswerSending
	if err := q.put(ctx, m); err != nil {
		return err
	}
	err := q.parts(ctx, it, out)
	if errors.Is(err, store.ErrLostLease) {
		return err
	}
	if err == nil {
		m.AnswerState = store.ChatAnswerSent
		return q.end(ctx, m, m.Outcome, nil)
	}
	var he *hook.Error
	switch known := errors.As(err, &he); {
	case !known || he.Uncertain() || he.Sent > 0: // the error says which parts have arrived
		m.AnswerState = store.ChatAnswerUncertain
	case he.Retryable() && m.Attempts < tries:
		m.Error = q.o.Masker.Mask(err.Error())
		return q.again(ctx, m, out, q.now().Add(max(he.RetryAfter, pauseAfter(m.Attempts))))
	default:
		m.AnswerState = store.ChatAnswerFailed
	}
	q.o.Log.Error("chat: the answer was not sent", "conn_id", q.app.ConnID, "id", m.ID, "error", q.o.Masker.Mask(err.Error()))
	return q.end(ctx, m, m.Outcome, err)
}

// parts sends the text, unless it was sent before, and then the file. That the text has left is in the store
// before the file is sent: it is not sent once more when the file is.
func (q *queue) parts(ctx context.Context, it *Item, out Outcome) error {
	m := it.Row
	if out.Text != "" && !m.Answer.TextSent {
		if err := q.send(ctx, it, Outcome{Title: out.Title, Text: out.Text, Refused: out.Refused}); err != nil || out.File == nil {
			return err
		}
		m.Answer.TextSent = true
		if err := q.put(ctx, m); err != nil {
			return err
		}
	}
	if out.File == nil {
		return nil
	}
	return q.send(ctx, it, Outcome{Title: out.Title, File: out.File, Refused: out.Refused})
}

// send is Reply, whose panic leaves it open whether something was sent.
func (q *queue) send(ctx context.Context, it *Item, out Outcome) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return q.o.Replier.Reply(ctx, it, out)
}

// again lets an answer wait that nobody has got, or of which the file is still to be sent. One with a
// file is made anew: the store keeps no files.
func (q *queue) again(ctx context.Context, m *store.ChatMessage, out Outcome, at time.Time) error {
	m.State, m.NextTry, m.AnswerState = store.ChatWaiting, at, store.ChatAnswerReady
	if out.File != nil {
		m.AnswerState, m.Answer, m.Outcome = store.ChatNoAnswer, store.ChatAnswer{TextSent: m.Answer.TextSent}, ""
	}
	return q.put(ctx, m)
}

// later lets an item wait that may succeed later.
func (q *queue) later(ctx context.Context, m *store.ChatMessage, cause error) error {
	m.State, m.Error = store.ChatWaiting, q.o.Masker.Mask(cause.Error())
	if ctx.Err() == nil {
		m.NextTry = q.now().Add(pauseAfter(m.Attempts))
		q.o.Log.Warn("chat: is tried again", "conn_id", q.app.ConnID, "id", m.ID, "at", m.NextTry, "error", m.Error)
	}
	return q.put(ctx, m)
}

// end ends an item.
func (q *queue) end(ctx context.Context, m *store.ChatMessage, state store.ChatState, cause error) error {
	m.State, m.DoneAt, m.Reply, m.ReplyUntil = state, q.now(), "", time.Time{}
	if cause != nil {
		m.Error = q.o.Masker.Mask(cause.Error())
	}
	return q.put(ctx, m)
}

// put writes what became of an item. It does so once after the end of the context too, since what was done has
// been done, and before that until the store takes it: the conversation goes on only then. Its
// error wraps [store.ErrLostLease] when somebody else has taken over.
func (q *queue) put(ctx context.Context, m *store.ChatMessage) error {
	for n := 1; ; n++ {
		write := context.WithoutCancel(ctx)
		err := q.o.Store.Tx(write, func(tx store.Tx) error { return tx.UpdateChatMessage(write, m) })
		if err == nil || errors.Is(err, store.ErrLostLease) || ctx.Err() != nil {
			return err
		}
		q.o.Log.Error("chat: the store does not take what was done", "conn_id", q.app.ConnID, "id", m.ID, "error", q.o.Masker.Mask(err.Error()))
		if !sleep(ctx, pauseAfter(n)) {
			return err
		}
	}
}

// pauseAfter is the pause after so many attempts.
func pauseAfter(attempts int) time.Duration {
	return min(firstPause<<min(max(attempts-1, 0), 10), lastPause)
}
