package show

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/dingdag/dingdag/cli/internal/command"
)

// Confirm asks whether to do something, and says so if the answer is no.
func (o IO) Confirm(ctx context.Context, what string) (bool, error) {
	if !IsTerminal(o.In) {
		return false, command.Usagef("%s? There is no terminal to ask on: pass -y to do it, or --dry-run to only list it", what)
	}
	fmt.Fprintf(o.Err, "%s? [y/N] ", what)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(o.In).ReadString('\n') // at its end the answer is no
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case line := <-answer:
		if line == "y" || line == "yes" {
			return true, nil
		}
	case <-ctx.Done():
	}
	fmt.Fprintln(o.Err, "nothing was changed")
	return false, nil
}
