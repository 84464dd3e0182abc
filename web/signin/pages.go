package signin

import (
	"errors"
	"fmt"
	"html"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/access/accounts"
	"github.com/dingdag/dingdag/access/secret"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/web/route"
)

// policy lets a page send its form to this server, and have its styles and its picture, and nothing else.
const policy = "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; style-src 'self'; img-src 'self'"

// Routes adds the pages and calls to a mux. They need no [Gate.Identify] around them.
func (g *Gate) Routes(mux *route.Mux) {
	mux.HandleFunc("GET /auth/login", g.loginPage)
	mux.Handle("POST /auth/login", g.here(g.login))
	mux.Handle("GET /auth/logout", g.Identify(http.HandlerFunc(g.logoutPage)))
	mux.Handle("POST /auth/logout", g.Identify(g.here(g.logout)))
	mux.HandleFunc("GET /auth/setup/{token}", g.setUpPage)
	mux.Handle("POST /auth/setup/{token}", g.here(g.setUpUser))
	g.places(mux)
	mux.HandleFunc("POST /auth/token", g.token)
	mux.HandleFunc("POST /auth/token/cli", g.tokenCLI)
	mux.HandleFunc("GET /auth/token", func(w http.ResponseWriter, _ *http.Request) {
		g.answer(w, http.StatusForbidden, "send a user name and a password: not everybody is an admin here")
	})
	for _, page := range []string{"login", "logout"} { // Airflow's paths
		mux.HandleFunc("GET /api/v2/auth/"+page, func(w http.ResponseWriter, r *http.Request) {
			to := g.path + "/auth/" + page
			if next := r.URL.Query().Get("next"); next != "" {
				to = g.loginTo("/auth/"+page, next)
			}
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
		})
	}
}

// here passes on a form that came from a page of this server.
func (g *Gate) here(handle http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.origin.Check(r) != nil {
			g.page(w, r, http.StatusForbidden, "没有执行 Nothing was done", "这个请求来自另一个网站。 The request came from another site: open the page itself.", "")
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			g.page(w, r, http.StatusBadRequest, "没有执行 Nothing was done", "无法读取表单。 The form cannot be read.", "")
			return
		}
		handle(w, r)
	})
}

func (g *Gate) loginPage(w http.ResponseWriter, r *http.Request) {
	g.showLogin(w, r, http.StatusOK, "", "", r.URL.Query().Get("next"))
}

// showLogin writes the page where people sign in, with what went wrong.
func (g *Gate) showLogin(w http.ResponseWriter, r *http.Request, status int, wrong, name, next string) {
	some, err := g.o.Accounts.HasUsers(r.Context())
	if err != nil {
		var text phrase.Text
		status, text = g.status(w, r, err)
		wrong = both(text)
	} else if !some && wrong == "" && len(g.o.Places) == 0 {
		wrong = "还没有用户。 There are no users yet: open the link that standalone printed at its start, or add one with dingdag users create."
	}
	g.page(w, r, status, "登录 Sign in", wrong, form(g.path+"/auth/login", "登录 Sign in",
		field("username", "用户名 User name", "text", "username", name)+field("password", "密码 Password", "password", "current-password", "")+hidden("next", SafeNext(next)))+g.buttons(next))
}

func (g *Gate) login(w http.ResponseWriter, r *http.Request) {
	name, next := r.PostForm.Get("username"), r.PostForm.Get("next")
	u, err := g.o.Accounts.Verify(r.Context(), name, r.PostForm.Get("password"), Address(r))
	if err == nil {
		var session connections.Secret
		if session, err = g.o.Accounts.SignIn(r.Context(), u, g.session(r), Address(r)); err == nil {
			g.keep(w, r, session)
			http.Redirect(w, r, g.after(next), http.StatusSeeOther) //nolint:gosec // that is a path of this server
			return
		}
	}
	status, text := g.status(w, r, err)
	g.showLogin(w, r, status, both(text), name, next)
}

func (g *Gate) logoutPage(w http.ResponseWriter, r *http.Request) {
	i, ok := access.From(r.Context())
	if !ok {
		http.Redirect(w, r, g.path+"/auth/login", http.StatusSeeOther)
		return
	}
	g.page(w, r, http.StatusOK, "退出 Sign out", i.User, form(g.path+"/auth/logout", "退出 Sign out", hidden(FormField, FormToken(r.Context()))))
}

// logout ends a session, whose form token was compared on the way here.
func (g *Gate) logout(w http.ResponseWriter, r *http.Request) {
	if session := g.session(r); session != "" {
		i, _ := access.From(r.Context())
		if err := g.o.Accounts.SignOut(r.Context(), session, i.User, Address(r)); err != nil {
			status, text := g.status(w, r, err)
			g.page(w, r, status, "退出 Sign out", both(text), "")
			return
		}
	}
	g.keep(w, r, "")
	http.Redirect(w, r, g.path+"/auth/login", http.StatusSeeOther)
}

// offered reports whether a token is that of the link that sets up the first user.
func (g *Gate) offered(token string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.setUp != "" && secret.HashToken(connections.Secret(token)) == g.setUp // hashes tell nothing by how long it takes
}

func (g *Gate) setUpPage(w http.ResponseWriter, r *http.Request) {
	g.showSetUp(w, r, http.StatusOK, "", "")
}

func (g *Gate) showSetUp(w http.ResponseWriter, r *http.Request, status int, wrong, name string) {
	if !g.offered(r.PathValue("token")) {
		g.page(w, r, http.StatusGone, "无需设置 Nothing to set up", "链接已失效：只能使用一次，且在下次启动前有效。请登录，或用 dingdag users create 添加用户。 The link is not valid any more: it is good once, until the next start. Sign in, or add a user with dingdag users create.", link(g.path+"/auth/login", "登录 Sign in"))
		return
	}
	about := fmt.Sprintf("<p>此用户为管理员，拥有全部权限。密码至少 %[1]d 个字符。<br>An admin, who may do everything. The password needs at least %[1]d characters.</p>\n", secret.MinPassword)
	g.page(w, r, status, "第一个用户 The first user", wrong, about+form(g.path+r.URL.Path, "创建用户并登录 Create and sign in",
		field("username", "用户名 User name", "text", "username", name)+field("password", "密码 Password", "password", "new-password", "")))
}

// setUpUser creates the first user, an admin, and signs them in.
func (g *Gate) setUpUser(w http.ResponseWriter, r *http.Request) {
	if !g.offered(r.PathValue("token")) {
		g.showSetUp(w, r, http.StatusGone, "", "")
		return
	}
	name := r.PostForm.Get("username")
	u, err := g.o.Accounts.SetUp(r.Context(), accounts.NewUser{Name: name, Password: connections.Secret(r.PostForm.Get("password"))}, Address(r))
	var mistake *accounts.MistakeError
	switch {
	case errors.As(err, &mistake):
		g.showSetUp(w, r, http.StatusUnprocessableEntity, both(phrase.Said(mistake)), name)
		return
	case errors.Is(err, accounts.ErrSetUp):
		g.forget()
		g.showSetUp(w, r, http.StatusGone, "", "")
		return
	case err != nil:
		status, text := g.status(w, r, err)
		g.showSetUp(w, r, status, both(text), name)
		return
	}
	g.forget()
	session, err := g.o.Accounts.SignIn(r.Context(), u, g.session(r), Address(r))
	if err != nil {
		status, text := g.status(w, r, err)
		g.showLogin(w, r, status, both(text), name, "/")
		return
	}
	g.keep(w, r, session)
	http.Redirect(w, r, g.after("/"), http.StatusSeeOther)
}

// forget makes the link to set up the first user void.
func (g *Gate) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.setUp = ""
}

// both is a text in both languages: nobody has chosen one yet.
func both(t phrase.Text) string {
	zh, en := t.In(phrase.Chinese, nil), t.String()
	if zh == en {
		return en
	}
	first, size := utf8.DecodeRuneInString(en)
	return zh + "。 " + string(unicode.ToUpper(first)) + en[size:] + "."
}

// page writes a page: a title, a line of text, and markup of ours.
func (g *Gate) page(w http.ResponseWriter, _ *http.Request, status int, title, text, markup string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	w.WriteHeader(status)
	var b strings.Builder
	b.WriteString("<!doctype html>\n<html lang=\"zh\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\"><title>" + html.EscapeString(title) +
		" · Dingdag</title>" + g.head() + "</head>\n<body class=\"sign\"><main class=\"card\"><p class=\"brand\">Dingdag</p><h1>" + html.EscapeString(title) + "</h1>\n")
	if text != "" {
		kind := "note"
		if status >= http.StatusBadRequest {
			kind = "note bad"
		}
		b.WriteString("<p class=\"" + kind + "\" role=\"status\">" + html.EscapeString(text) + "</p>\n")
	}
	b.WriteString(markup + "</main></body></html>\n")
	if _, err := w.Write([]byte(b.String())); err != nil {
		g.o.Log.Debug("answer a request", "error", err) // nobody is left to tell
	}
}

// Styles are the addresses of what the pages by which people sign in look by: that of all pages.
type Styles struct{ Light, Dark, Icon string }

// head are the styles of a page, none when there are none.
func (g *Gate) head() string {
	if g.o.Styles == nil {
		return ""
	}
	s := g.o.Styles()
	return "<link rel=\"icon\" href=\"" + html.EscapeString(s.Icon) + "\" type=\"image/svg+xml\"><link rel=\"stylesheet\" href=\"" + html.EscapeString(s.Light) +
		"\"><link rel=\"stylesheet\" href=\"" + html.EscapeString(s.Dark) + "\" media=\"(prefers-color-scheme: dark)\">"
}

func form(action, button, fields string) string {
	return "<form class=\"fields\" method=\"post\" action=\"" + html.EscapeString(action) + "\">\n" + fields + "<p><button class=\"primary\">" + html.EscapeString(button) + "</button></p></form>\n"
}

func link(to, text string) string {
	return "<p><a class=\"button\" href=\"" + html.EscapeString(to) + "\">" + html.EscapeString(text) + "</a></p>\n"
}

func field(name, label, kind, complete, value string) string {
	return "<div class=\"field\"><label for=\"" + name + "\">" + html.EscapeString(label) + "</label><input id=\"" + name + "\" name=\"" + name + "\" type=\"" + kind + "\" autocomplete=\"" + complete +
		"\" value=\"" + html.EscapeString(value) + "\" required></div>\n"
}

func hidden(name, value string) string {
	return "<input type=\"hidden\" name=\"" + name + "\" value=\"" + html.EscapeString(value) + "\">\n"
}
