// Package smtptest is a mail server for tests: it speaks SMTP over a real socket, keeps what
// it took, and misbehaves when told to.
package smtptest

import (
	"bufio"
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // CRAM-MD5 is what servers ask for
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"
	"net/http/httptest"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dingdag/dingdag/connections"
)

// Login and Password are what a server with Auth lets in.
const (
	Login    = "robot@example.com"
	Password = "s3cret-pässword"
)

// Options say what the server is like. The zero value takes every mail, without encryption
// and login.
type Options struct {
	// TLS begins with TLS, STARTTLS offers it.
	TLS, STARTTLS bool
	// Auth are the ways to log in, for instance PLAIN, LOGIN or CRAM-MD5. Mail is taken after
	// a login only.
	Auth []string
	// Answers are replies in place of the usual ones, by the begin of the command, such as
	// "RCPT TO:<a@example.com>", or "." for the end of a mail.
	Answers map[string]string
	// Cut hangs up after the command, in the same words; "greeting" does before a word.
	Cut string
	// Cuts is how often Cut does so, 0 for always.
	Cuts int
	// Silent says nothing after the command, and waits until the client leaves.
	Silent string
}

// Mail is a mail that the server took.
type Mail struct {
	From string
	To   []string
	// Text is the mail with its headers, with lines that end in CRLF.
	Text string
	// Encrypted and Login tell how the client got in.
	Encrypted bool
	Login     string
}

// Server is a mail server. Make one with [Start].
type Server struct {
	// Host and Port are where it listens.
	Host string
	Port int

	options  Options
	listener net.Listener
	tls      *tls.Config

	mu       sync.Mutex
	mails    []Mail
	commands []string
	cuts     int
	open     map[net.Conn]bool
	closed   bool
	wg       sync.WaitGroup
}

// Start starts a server that ends with the test.
func Start(tb testing.TB, options Options) *Server {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // ends with the test
	if err != nil {
		tb.Fatalf("start a mail server: %v", err)
	}
	address := listener.Addr().(*net.TCPAddr)
	s := &Server{Host: "127.0.0.1", Port: address.Port, options: options, listener: listener, open: map[net.Conn]bool{}}
	web := httptest.NewTLSServer(nil) // for its certificate
	s.tls = &tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS12}
	web.Close()
	s.wg.Go(s.accept)
	tb.Cleanup(s.close)
	return s
}

// Connection is a connection to the server with an extra in JSON.
func (s *Server) Connection(id, extra string) *connections.Connection {
	c := &connections.Connection{ID: id, Type: "smtp", Host: new(s.Host), Port: new(s.Port), Extra: new(connections.Secret(extra))}
	if len(s.options.Auth) > 0 {
		c.Login, c.Password = new(Login), new(connections.Secret(Password))
	}
	return c
}

// Mails are the mails that the server took.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// Commands are the commands that the server got, without arguments of AUTH.
func (s *Server) Commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commands)
}

func (s *Server) close() {
	_ = s.listener.Close()
	s.mu.Lock()
	s.closed = true
	for conn := range s.open {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.closed {
			_ = conn.Close()
		}
		s.open[conn] = true
		s.mu.Unlock()
		s.wg.Go(func() {
			s.serve(conn)
			_ = conn.Close()
			s.mu.Lock()
			delete(s.open, conn)
			s.mu.Unlock()
		})
	}
}

// session is one client.
type session struct {
	s         *Server
	raw       net.Conn
	conn      net.Conn
	text      *textproto.Conn
	encrypted bool
	login     string
	mail      Mail
}

func (s *Server) serve(conn net.Conn) {
	c := &session{s: s, raw: conn, conn: conn}
	if s.options.TLS {
		c.encrypt()
	}
	c.text = textproto.NewConn(c.conn)
	if s.misbehave("greeting", conn) {
		return
	}
	c.say("220 smtptest")
	for {
		line, err := c.text.ReadLine()
		if err != nil {
			return
		}
		if !c.command(line) {
			return
		}
	}
}

func (c *session) encrypt() {
	c.conn = tls.Server(c.raw, c.s.tls)
	c.encrypted = true
}

func (c *session) say(lines ...string) { _ = c.text.PrintfLine("%s", strings.Join(lines, "\r\n")) }

// misbehave cuts the line or keeps silent when the options say so here.
func (s *Server) misbehave(command string, conn net.Conn) bool {
	o := s.options
	if o.Silent != "" && strings.HasPrefix(command, o.Silent) {
		_, _ = bufio.NewReader(conn).ReadByte()
		return true
	}
	if o.Cut == "" || !strings.HasPrefix(command, o.Cut) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.Cuts > 0 && s.cuts >= o.Cuts {
		return false
	}
	s.cuts++
	return true
}

// command answers one command and reports whether the session goes on.
func (c *session) command(line string) bool {
	verb, argument, _ := strings.Cut(line, " ")
	verb = strings.ToUpper(verb)
	kept := line
	if verb == "AUTH" {
		kept, _, _ = strings.Cut(argument, " ")
		kept = "AUTH " + kept
	}
	c.s.mu.Lock()
	c.s.commands = append(c.s.commands, kept)
	c.s.mu.Unlock()
	if c.s.misbehave(line, c.conn) {
		return false
	}
	for begin, answer := range c.s.options.Answers {
		if strings.HasPrefix(line, begin) && begin != "." {
			c.say(answer)
			return true
		}
	}
	switch verb {
	case "EHLO":
		c.extensions()
	case "STARTTLS":
		c.say("220 go ahead")
		c.encrypt()
		c.text = textproto.NewConn(c.conn)
	case "AUTH":
		c.authenticate(argument)
	case "MAIL":
		c.begin(argument)
	case "RCPT":
		c.mail.To = append(c.mail.To, angled(argument))
		c.say("250 ok")
	case "DATA":
		return c.data()
	case "QUIT":
		c.say("221 bye")
		return false
	case "NOOP", "RSET", "HELO":
		c.say("250 ok")
	default:
		c.say("502 unknown command")
	}
	return true
}

func (c *session) extensions() {
	lines := []string{"250-smtptest", "250-8BITMIME"}
	if c.s.options.STARTTLS && !c.encrypted {
		lines = append(lines, "250-STARTTLS")
	}
	if len(c.s.options.Auth) > 0 {
		lines = append(lines, "250-AUTH "+strings.Join(c.s.options.Auth, " "))
	}
	c.say(append(lines, "250 HELP")...)
}

func angled(argument string) string {
	_, rest, _ := strings.Cut(argument, "<")
	address, _, _ := strings.Cut(rest, ">")
	return address
}

func (c *session) begin(argument string) {
	if len(c.s.options.Auth) > 0 && c.login == "" {
		c.say("530 5.7.0 log in first")
		return
	}
	c.mail = Mail{From: angled(argument), Encrypted: c.encrypted, Login: c.login}
	c.say("250 ok")
}

func (c *session) data() bool {
	c.say("354 go on")
	lines, err := c.text.ReadDotLines()
	if err != nil {
		return false
	}
	if c.s.misbehave(".", c.conn) {
		return false
	}
	if answer, set := c.s.options.Answers["."]; set {
		c.say(answer)
		return true
	}
	c.mail.Text = strings.Join(lines, "\r\n") + "\r\n"
	c.s.mu.Lock()
	c.s.mails = append(c.s.mails, c.mail)
	c.s.mu.Unlock()
	c.say("250 taken")
	return true
}

func (c *session) authenticate(argument string) {
	way, initial, _ := strings.Cut(argument, " ")
	ask := func(challenge string) string {
		c.say("334 " + base64.StdEncoding.EncodeToString([]byte(challenge)))
		line, _ := c.text.ReadLine()
		answer, _ := base64.StdEncoding.DecodeString(line)
		return string(answer)
	}
	good := false
	switch way {
	case "PLAIN":
		decoded, _ := base64.StdEncoding.DecodeString(initial)
		good = string(decoded) == "\x00"+Login+"\x00"+Password
	case "LOGIN":
		user := ask("Username:")
		good = ask("Password:") == Password && user == Login
	case "CRAM-MD5":
		const challenge = "<1.2@smtptest>"
		mac := hmac.New(md5.New, []byte(Password))
		_, _ = mac.Write([]byte(challenge))
		good = ask(challenge) == fmt.Sprintf("%s %s", Login, hex.EncodeToString(mac.Sum(nil)))
	}
	if !good {
		c.say("535 5.7.8 authentication failed")
		return
	}
	c.login = Login
	c.say("235 welcome")
}
