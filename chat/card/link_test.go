package card_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks/face"
	"github.com/dingdag/dingdag/chat/card"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/worker"
)

// link is one of the message of the desk.
func (d *desk) link(nonce string, a face.Action, people ...string) card.Link {
	return card.Link{OutTrackID: d.id, Action: a, People: people, Nonce: nonce}
}

func (d *desk) see(l card.Link) *card.Sight {
	d.Helper()
	s, err := d.presses(nil).See(d.Context(), l)
	require.NoError(d, err)
	return s
}

func (d *desk) goes(l card.Link) card.Outcome {
	d.Helper()
	out, err := d.presses(nil).Follow(d.Context(), l)
	require.NoError(d, err)
	return out
}

// A link does once what its button would; looking at it changes nothing.
func TestLink(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	l := d.link("n1", face.Retry)
	for range 2 {
		s := d.see(l)
		assert.Empty(t, s.Refusal)
		assert.Equal(t, face.Failed, s.Status)
		assert.Equal(t, "load", s.Card.TaskID)
	}
	assert.Empty(t, d.did())
	assert.Equal(t, card.Outcome{Said: "已清除 2 个任务实例。 Cleared 2 task instances."}, d.goes(l))
	assert.Equal(t, "queued load=none report=none", d.states())
	assert.Equal(t, []string{"group (link) clear"}, d.did())

	d.pass(time.Minute)
	assert.Contains(t, d.see(l).Refusal, "This link was used already, at 2026-03-01 08:00:00 +00:00: 已清除 2")
	assert.True(t, d.goes(l).Refused)
	for _, other := range []card.Link{d.link("n2", face.Retry), d.link("n3", face.Downstream), d.link("n4", face.Retry, "user001")} {
		assert.Contains(t, d.goes(other).Said, "Done already by group", other.Nonce)
	}
	assert.Equal(t, []string{"group (link) clear"}, d.did())
	assert.Len(t, d.kept().Presses, 1)
}

// A link that went to people works when each of them may.
func TestLinkOfPeople(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	for _, people := range [][]string{{"user003"}, {"user001", "user003"}, {"stranger"}} {
		l := d.link("n", face.Retry, people...)
		assert.Contains(t, d.see(l).Refusal, "may not do this. It takes the role operator")
		assert.True(t, d.goes(l).Refused)
	}
	d.who = errors.New("the directory is away")
	assert.Contains(t, d.goes(d.link("n", face.Retry, "user003")).Said, "the directory is away")
	d.who = nil
	assert.Empty(t, d.did())
	assert.False(t, d.goes(d.link("n", face.Ack, "user001", "user002")).Refused)
	assert.Equal(t, []string{"user001, user002 (link) alert_ack"}, d.did())
}

// A link whose change was committed by a process that died is not followed again, and its use is noted.
func TestLinkThatACrashCutOff(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	crashed := errors.New("killed")
	l := d.link("n", face.Retry)
	_, err := d.presses(func(r card.Runs) card.Runs { return dying{r, crashed} }).Follow(t.Context(), l)
	require.ErrorIs(t, err, crashed)
	assert.Empty(t, d.kept().Presses)
	assert.False(t, d.goes(l).Refused)
	assert.True(t, d.goes(l).Refused)
	assert.Equal(t, []string{"group (link) clear"}, d.did())
}

func TestLinkOfWhatIsGone(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	l := d.link("n", face.Retry)
	l.OutTrackID = "unknown"
	s := d.see(l)
	assert.Contains(t, s.Refusal, "Nothing is known of this message")
	assert.Nil(t, s.Card)
	assert.True(t, d.goes(l).Refused)
	assert.Contains(t, d.goes(d.link("n", "drop table")).Said, "no button drop table")
	d.is(dag.Success, 2)
	assert.Contains(t, d.goes(d.link("n", face.Retry)).Said, "the state is succeeded now")
	assert.Empty(t, d.did())
}

// The log is shown as often as somebody asks, and the error of the last try on each page.
func TestLogByALink(t *testing.T) {
	t.Parallel()
	d := newDesk(t, extra)
	path := filepath.Join(d.dir, worker.LogPath(d.run, d.load, 1))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte("the end\n"), 0o600))
	d.load.Error = "first\nlast line\n"
	d.is(dag.Failed, 1)
	l := d.link("n", face.Log, "user003")
	for range 2 {
		assert.True(t, strings.HasSuffix(d.goes(l).Said, "the end\n```"))
	}
	assert.Equal(t, "last line", d.see(l).Error)
	assert.Empty(t, d.did())
}
