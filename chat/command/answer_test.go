package command_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

// asks lets a task of a running run ask something.
func (w *world) asks(runID string, n int, a *store.Ask) {
	w.t.Helper()
	r := w.run("etl", runID, n, dag.RunRunning, &store.Instance{TaskID: "load", MapIndex: -1, State: dag.Deferred, Try: 1, MaxTries: 1})
	a.RunKey, a.DAGID, a.RunID, a.TaskID, a.MapIndex, a.Try = r.Key, r.DAGID, r.RunID, "load", -1, 1
	a.State, a.CreatedAt, a.Subject = store.AskOpen, w.now, "Go?"
	w.write(func(ctx context.Context, tx store.Tx) error {
		_, err := tx.InsertAsk(ctx, a)
		return err
	})
}

// Asks are answered in both languages: once, by operators or by those who are assigned, whatever their role.
func TestAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.asks("a", 1, &store.Ask{Options: []string{"Approve", "Reject"}})
	w.asks("b", 2, &store.Ask{Options: []string{"Drop them", "Stop"}, Params: []store.AskParam{{Name: "rows", Value: json.RawMessage("1")}}, Assigned: []store.Person{{ID: "nora", Name: "Nora"}}})
	assert.Contains(t, w.refuses("opal", "answer 99 Approve"), "There is no ask")
	assert.Contains(t, w.refuses("opal", "answer x Approve"), "There is no ask")
	assert.Contains(t, w.refuses("opal", "answer 1 Maybe"), "unknown option")
	assert.NotEmpty(t, w.refuses("vera", "approve 1"), "a viewer may not")
	assert.Contains(t, w.says("opal", "批准 1"), "Approve")
	assert.Contains(t, w.refuses("adam", "reject 1"), "Ask 1 was answered already by Nick of opal (opal) at 2026-03-01 12:00 UTC: **Approve**.")
	assert.Contains(t, w.refuses("adam", "拒绝 1"), "提问 1 已由 Nick of opal (opal) 于 2026-03-01 12:00 UTC 回答：**Approve**。")
	assert.Contains(t, w.refuses("adam", "answer 2 Stop"), "You may not answer ask 2: it asks Nora (nora).")
	assert.Contains(t, w.refuses("adam", "回答 2 Nonsense"), "您不能回答提问 2，可回答者：Nora (nora)。", "who may not answer is not told more")
	assert.Contains(t, w.refuses("nora", `answer 2 "Drop them" rows='five`), "has no end")
	assert.Contains(t, w.refuses("nora", "approve 2 rows=5"), "unknown option")
	assert.Contains(t, w.refuses("opal", "approve 1 x y=1"), "is not of the form key=value")
	assert.Contains(t, w.says("nora", `answer 2 rows=5 "Drop them"`), "Drop them")
	a, err := w.store.Ask(t.Context(), 2)
	require.NoError(t, err)
	assert.Equal(t, store.AskAnswered, a.State)
	assert.Equal(t, "nora", a.RespondedBy.ID)
	assert.Equal(t, store.ViaChat, a.Via)
	assert.JSONEq(t, `{"rows": 5}`, string(a.Input))
}

// Who asks how things are, or has mistaken the id, reads what to type; people without a role hear only of what asks them.
func TestAsksAreNamedWithWhatToType(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	assert.Contains(t, w.refuses("opal", "approve 7"), "There is no ask `7`. Nothing waits for you.")
	w.asks("a", 1, &store.Ask{Options: []string{"Approve", "Reject"}})
	w.asks("b", 2, &store.Ask{Options: []string{"Stop"}, Assigned: []store.Person{{ID: "nora", Name: "Nora"}}})
	for text, want := range map[string]string{
		"approve 7":    "- **etl.load** asks: Go? `answer 1` (Approve, Reject)",
		"answer x":     "- **etl.load** asks: Go? `answer 2` (Stop); only Nora (nora) may answer",
		"回答 7":         "- **etl.load** 提问：Go? `回答 1`（Approve, Reject）",
		"status etl b": "- **etl.load** asks: Go? `answer 2` (Stop); only Nora (nora) may answer",
		"状态 etl b":     "- **etl.load** 提问：Go? `回答 2`（Stop）；可回答者：Nora (nora)",
		"why load":     "answer 1 OPTION (Approve, Reject)",
		"为什么 load":     "回答 1 选项（Approve、Reject）",
	} {
		a := w.do("opal", text)
		assert.Contains(t, a.Text, want, text)
		assert.NotContains(t, a.Text, "dingdag asks answer", text)
	}
	nora := w.refuses("nora", "approve 7")
	assert.Contains(t, nora, "`answer 2`")
	assert.NotContains(t, nora, "`answer 1`", "it asks operators")
	assert.Contains(t, w.refuses("nobody", "approve 7"), "Nothing waits for you.")
	w.write(func(ctx context.Context, tx store.Tx) error {
		_, err := tx.SettleAsk(ctx, &store.Ask{ID: 1, State: store.AskDefaulted, SettledAt: w.now, Chosen: []string{"Reject"}})
		return err
	})
	assert.Contains(t, w.refuses("opal", "approve 1"), "Ask 1 was not answered in time; its defaults were chosen at 2026-03-01 12:00 UTC: **Reject**.")
	assert.NotContains(t, w.refuses("opal", "approve 7"), "`answer 1`")
}

// What stands in quotes is text, as where a run is triggered; in a shell it is text that YAML takes for text.
func TestAnswersWithQuotes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, c := range []struct{ text, want string }{
		{`answer %d OK day='3'`, `{"day": "3"}`},
		{`answer %d OK day=“3”`, `{"day": "3"}`},
		{`answer %d OK day=3`, `{"day": 3}`},
		{`answer %d OK 'day=3'`, `{"day": 3}`},
		{`answer %d day="a \"b\"" OK`, `{"day": "a \"b\""}`},
		{`回答 %d OK day=''`, `{"day": ""}`},
		{`answer %d "OK" day=true`, `{"day": true}`},
	} {
		w.asks(fmt.Sprintf("run %d", i), i+1, &store.Ask{Options: []string{"OK"}, Params: []store.AskParam{{Name: "day", Value: json.RawMessage("1")}}})
		w.says("opal", fmt.Sprintf(c.text, i+1))
		a, err := w.store.Ask(t.Context(), int64(i+1))
		require.NoError(t, err)
		assert.JSONEq(t, c.want, string(a.Input), c.text)
	}
}
