// Package chat has the commands about the chat.
package chat

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/dingdag/dingdag/api/bindings"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/show"
)

// New makes the command chat.
func New(a *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use: "chat", Short: "List what came from DingTalk, and which conversations are told of which DAGs, and end that",
		Example: "  dingdag chat log --since 24h\n  dingdag chat bindings\n  dingdag chat unbind 3",
	}
	cmd.AddCommand(newCmdLog(a), newCmdBindings(a), newCmdUnbind(a))
	return cmd
}

func newCmdBindings(a *app.App) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "bindings", Short: "List which conversations get the alerts and reports of which DAGs",
		Long: `Lists what people have bound their conversations to with the command bind in the chat: a DAG, the DAGs
of an owner or with a tag, or all of them (*).`,
		Example: "  dingdag chat bindings\n  dingdag chat bindings -o json", Args: command.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := show.CheckOutput(output); err != nil {
				return err
			}
			all := []bindings.Binding{}
			if ok, err := a.HasStore(); err != nil {
				return err
			} else if ok {
				bs, err := a.Bindings(cmd.Context())
				if err != nil {
					return err
				}
				if all, err = bs.List(cmd.Context()); err != nil {
					return err
				}
			}
			l := show.List{Columns: []string{"ID", "Conversation", "Connection", "Told of", "By", "Since"}, Wrap: []string{"Conversation"}, Drop: []string{"Since"}, Zone: a.ShowZone()}
			for _, b := range all {
				l.Add(b, strconv.FormatInt(b.ID, 10), b.Title, b.ConnID, b.What, b.MadeBy, a.Date(b.MadeAt))
			}
			return l.Print(a.Out, output)
		},
	}
	show.OutputFlag(cmd, &output)
	return cmd
}

func newCmdUnbind(a *app.App) *cobra.Command {
	return &cobra.Command{
		Use: "unbind ID", Short: "End a binding: the conversation gets no more of it",
		Example: "  dingdag chat unbind 3", Args: command.ExactArgs("ID"),
		RunE: func(cmd *cobra.Command, args []string) error { return runUnbind(cmd.Context(), a, args[0]) },
	}
}

func runUnbind(ctx context.Context, a *app.App, text string) error {
	id, err := command.Number(text, "a binding", a.Command("chat", "bindings"))
	if err != nil {
		return err
	}
	bs, err := a.Bindings(ctx)
	if err != nil {
		return err
	}
	ended, err := bs.Unbind(ctx, func(b bindings.Binding) bool { return b.ID == id })
	if err != nil {
		return err
	}
	if len(ended) == 0 {
		return fmt.Errorf("no binding %d: %s lists them", id, a.Command("chat", "bindings"))
	}
	_, err = fmt.Fprintf(a.Out, "%s gets no more of %s\n", show.Shown(a.Out, ended[0].Title), show.Shown(a.Out, ended[0].What))
	return err
}
