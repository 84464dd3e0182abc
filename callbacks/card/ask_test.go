package card_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/card"
	"github.com/dingdag/dingdag/callbacks/face"
	"github.com/dingdag/dingdag/sandbox"
)

func asked(change func(*callbacks.Ask)) *callbacks.Event {
	a := &callbacks.Ask{ID: 7, Subject: "Release?", Body: "All **green**", Options: []string{"Approve", "Reject"}}
	if change != nil {
		change(a)
	}
	return &callbacks.Event{
		Kind: callbacks.Asked, DAGID: "d", RunID: "r", TaskID: "ok", MapIndex: -1, TryNumber: 1, State: "deferred", Program: "dingdag", Ask: a,
	}
}

// Options are buttons where one press answers; elsewhere the card says what to type.
func TestAskButtons(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change  func(*callbacks.Ask)
		buttons []string
		typed   string
	}{
		"an approval":        {nil, []string{"Approve", "Reject"}, "`reject 7` `拒绝 7`"},
		"options":            {func(a *callbacks.Ask) { a.Options = []string{"Go on", "Stop"} }, []string{"Go on", "Stop"}, "`answer 7 \"Go on\"`"},
		"several":            {func(a *callbacks.Ask) { a.Options, a.Multiple = []string{"a", "b"}, true }, nil, "`answer 7 OPTION`"},
		"a field to fill in": {func(a *callbacks.Ask) { a.Needed = []string{"why"} }, nil, "`approve 7 why=…` `批准 7 why=…`"},
		"many":               {func(a *callbacks.Ask) { a.Options = strings.Split(strings.Repeat("x", face.MaxOptions+1), "") }, nil, "`answer 7 OPTION`"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := prepared(t, "{}", asked(c.change))
			require.NotNil(t, m.Card, "it is redrawn once it is answered")
			var f face.Face
			require.NoError(t, json.Unmarshal(m.Card.Face, &f))
			param := f.Param(face.Now{Status: f.Status})
			var all []struct {
				Text string `json:"text"`
			}
			require.NoError(t, json.Unmarshal([]byte(param["buttons"]), &all))
			var texts []string
			for _, b := range all {
				texts = append(texts, b.Text)
			}
			assert.Equal(t, c.buttons, texts)
			assert.Contains(t, param["markdown"], c.typed)
			assert.Contains(t, param["markdown"], "All **green**", "the body is Markdown")
			assert.NotContains(t, param["markdown"], "dingdag asks answer")
		})
	}
}

// askLinks are links to pages of asks.
type askLinks struct{}

func (askLinks) Link(purpose, subject string, people []string) (string, error) {
	return fmt.Sprintf("https://dag.example.com/%s/%s?for=%s", purpose, subject, strings.Join(people, ",")), nil
}

// Without a template people are asked by messages, each with a link of their own where there are pages.
func TestAskWithoutATemplate(t *testing.T) {
	t.Parallel()
	box, h, conns := rooms(t, `{"qps": 0}`)
	plain := card.NewSender(h, conns, nil)
	m := prepared(t, "{}", asked(func(a *callbacks.Ask) { a.AssignedIDs = []string{"u001", "u002"} }))
	_, err := plain.Send(t.Context(), m)
	require.NoError(t, err)
	all := box.Messages(sandbox.Filter{})
	require.Len(t, all, 1)
	assert.Equal(t, []string{"u001", "u002"}, all[0].To, "those who are assigned, since nobody else is named")
	assert.Contains(t, all[0].Content.Text, "`approve 7` `批准 7`")

	linked := card.NewSender(h, conns, askLinks{})
	_, err = linked.Send(t.Context(), m)
	require.NoError(t, err)
	raw := func(m sandbox.Message) string {
		text, err := json.Marshal(m)
		require.NoError(t, err)
		return string(text)
	}
	all = box.Messages(sandbox.Filter{})
	require.Len(t, all, 3)
	for i, user := range []string{"u001", "u002"} {
		assert.Contains(t, raw(all[1+i]), "https://dag.example.com/ask/7/dingtalk_default?for="+user)
		assert.Contains(t, raw(all[1+i]), "approve 7")
	}
	_, err = linked.Send(t.Context(), prepared(t, "{open_conversation_id: "+group+"}", asked(nil)))
	require.NoError(t, err)
	assert.Contains(t, raw(box.Messages(sandbox.Filter{})[3]), "https://dag.example.com/ask/7/dingtalk_default?for=\\\"", "a group has one for all")
	_, err = linked.Send(t.Context(), prepared(t, "{open_conversation_id: "+group+"}", asked(func(a *callbacks.Ask) { a.AssignedIDs = []string{"u001"} })))
	require.NoError(t, err)
	assert.NotContains(t, raw(box.Messages(sandbox.Filter{})[4]), "/ask/7", "the page could not tell who of the group opens it")
	receipt, err := linked.Send(t.Context(), prepared(t, "{user_ids: [u001, nobody]}", asked(nil)))
	require.NoError(t, err)
	assert.Contains(t, receipt, "; not to nobody: ")
}
