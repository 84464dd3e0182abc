package credentials

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/connections"
	hookhttp "github.com/dingdag/dingdag/hook/http"
	"github.com/dingdag/dingdag/hook/smtp"
	"github.com/dingdag/dingdag/operator/sql"
)

// testMail gets into a mail server and sends nothing.
func testMail(ctx context.Context, a tester, src connections.Source, id string) error {
	server, err := smtp.Open(ctx, src, id)
	if err != nil {
		return err
	}
	err = server.Check(ctx)
	if e, ok := errors.AsType[*smtp.Error](err); ok {
		return explainService(a, id, e, e.Remedy())
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.Out, "connection %s works: %s let us in, with %s; no mail was sent\n", id, server.Address(), server.Security())
	return err
}

// testHTTP asks for the base URL. Any answer but a failure will do: few services have
// something to say there.
func testHTTP(ctx context.Context, a tester, src connections.Source, id string) error {
	request := &hookhttp.Request{Method: "GET", Conn: id}
	response, err := request.Send(ctx, src)
	if err == nil {
		err = response.Err()
	}
	e, failed := errors.AsType[*hookhttp.Error](err)
	switch {
	case failed && e.Status == 404 || failed && e.Status == 405:
		_, err = fmt.Fprintf(a.Out, "connection %s answers: %s: %s; the base URL itself has no page, tasks add their endpoint\n", id, response.Request, response.StatusText)
		return err
	case failed:
		return explainService(a, id, e, e.Remedy())
	case err != nil:
		return err
	}
	_, err = fmt.Fprintf(a.Out, "connection %s works: %s: %s\n", id, response.Request, response.StatusText)
	return err
}

// testDatabase connects to a database and tells its version.
func testDatabase(ctx context.Context, a tester, src connections.Source, id string) error {
	s, err := sql.Check(ctx, src, id)
	if e, ok := errors.AsType[*sql.CheckError](err); ok {
		return explainService(a, id, e, e.Remedy)
	}
	if err != nil {
		return err
	}
	in := "in memory"
	if s.Database != "" {
		in = "database " + s.Database
	}
	if s.User != "" {
		in += ", user " + s.User
	}
	_, err = fmt.Fprintf(a.Out, "connection %s works: %s %s, %s\n", id, s.Product, s.Version, in)
	return err
}

// explainService tells what went wrong and what to do about it.
func explainService(a tester, id string, err error, remedy string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "connection %s does not work\n  cause:   %v\n", id, err)
	if remedy != "" {
		fmt.Fprintf(&b, "  remedy:  %s\n", remedy)
	}
	_, printErr := fmt.Fprint(a.Err, a.Mask(b.String()))
	return errors.Join(command.ErrQuiet, printErr)
}
