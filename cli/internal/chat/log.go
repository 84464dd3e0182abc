package chat

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api/chatlog"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
	"github.com/dingdag/dingdag/store"
)

// logFlags are the flags of the log as they were written.
type logFlags struct {
	q                    chatlog.Query
	since, until, output string
}

func newCmdLog(a *app.App) *cobra.Command {
	var f logFlags
	cmd := &cobra.Command{
		Use: "log", Short: "List what people wrote and pressed in DingTalk, and what came of it, newest first",
		Long: `Lists the messages, presses of buttons and events that came from DingTalk, with who, when, what and the
answer, which a card shows to a press. waiting and working are under way; answered was done; refused was not, for a reason
that the answer tells; failed could not be. An answer that is uncertain may have arrived or not:
the process ended while it was being sent, or DingTalk's answer was lost.`,
		Example: "  dingdag chat log\n  dingdag chat log --user ann --since 24h\n  dingdag chat log --state refused,failed -o json", Args: command.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runLog(cmd.Context(), a, f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.q.ConnID, "conn", "", "only what came through this connection")
	fl.StringVar(&f.q.ConversationID, "conversation", "", "only what came from the conversation with this id")
	fl.StringVar(&f.q.UserID, "user", "", "only what the person with this userid wrote or pressed")
	fl.StringSliceVar(&f.q.Kinds, "kind", nil, "only these: "+strings.Join(chatlog.Kinds(), ", "))
	command.CompleteWords(cmd, "kind", chatlog.Kinds()...)
	fl.StringSliceVar(&f.q.States, "state", nil, "only what is in these states: "+strings.Join(chatlog.States(), ", "))
	command.CompleteWords(cmd, "state", chatlog.States()...)
	fl.StringVar(&f.since, "since", "", "only what came since then: 24h, 7d, or a date")
	fl.StringVar(&f.until, "until", "", "only what came before then: 24h for a day ago, or a date")
	fl.IntVar(&f.q.Limit, "limit", 50, "how many to list at most, the newest ones; 0 is all")
	show.OutputFlag(cmd, &f.output)
	return cmd
}

func runLog(ctx context.Context, a *app.App, f logFlags) (err error) {
	if err := show.CheckOutput(f.output); err != nil {
		return err
	}
	if f.q.Limit < 0 {
		return command.Usagef("--limit %d: must be 0 or more", f.q.Limit)
	}
	if f.q.Since, err = a.Since("--since", f.since); err != nil {
		return err
	}
	if f.q.Until, err = a.Since("--until", f.until); err != nil {
		return err
	}
	s, err := a.OpenStore(ctx)
	if err != nil {
		return err
	}
	all, err := chatlog.List(ctx, s, f.q)
	if err != nil {
		return command.UsageError{Err: err}
	}
	l := show.List{
		Columns: []string{"ID", "When", "Conversation", "Who", "What", "State", "Answer"}, Wrap: []string{"Answer", "What"}, Drop: []string{"Answer", "ID"}, Zone: a.ShowZone(),
	}
	for _, e := range all {
		answer := cmp.Or(e.Answer, e.Error)
		if e.Sent == store.ChatAnswerUncertain || e.Sent == store.ChatAnswerFailed {
			answer = string(e.Sent) + ": " + answer
		}
		l.Add(e, strconv.FormatInt(e.ID, 10), a.Date(e.When), e.Conversation, who(e), what(e), string(e.State), line(answer))
	}
	return l.Print(a.Out, f.output)
}

// who is somebody's name and userid, as far as they are known.
func who(e chatlog.Entry) string {
	if e.Nick != "" && e.UserID != "" {
		return fmt.Sprintf("%s (%s)", e.Nick, e.UserID)
	}
	return cmp.Or(e.UserID, e.Nick)
}

// what is what somebody did, in a line.
func what(e chatlog.Entry) string {
	switch p := e.Pressed; {
	case p != nil && p.TaskID == "":
		return line(string(e.Kind) + " " + p.Button + " of " + p.DAGID)
	case p != nil:
		in := store.Instance{TaskID: p.TaskID, MapIndex: p.MapIndex}
		return line(string(e.Kind) + " " + p.Button + " of " + p.DAGID + "." + in.Label())
	case e.Kind == store.ChatText:
		return line(e.Text)
	}
	return line(string(e.Kind) + " " + e.Text)
}

// line is a text in one line, which is cut.
func line(text string) string {
	const most = 120
	r := []rune(strings.Join(strings.Fields(text), " "))
	if len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return string(r)
}
