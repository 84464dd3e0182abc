package hook

import (
	"slices"
	"strings"
	"time"
)

// How long to wait after a refusal. DingTalk sends no Retry-After.
const (
	robotBlock = 10 * time.Minute // a robot over 20 messages a minute
	ipBlock    = 5 * time.Minute  // an address over 10000 calls in 20 seconds
	busyPause  = 2 * time.Second
	shortPause = time.Second
	// A workbook that was just made, and a message that was just sent.
	settling = 3 * time.Second
	botPause = time.Minute
)

// codeRow says what one of DingTalk's codes means for the caller.
type codeRow struct {
	kind       Kind
	retryAfter time.Duration
	// source is where the code comes from: "robot" is the table of the custom
	// robot's page, "legacy" the platform-wide list of oapi.dingtalk.com, "new" that
	// of api.dingtalk.com, "bot" the pages of app bots, "chat", "user" and so on the
	// pages of these calls, "observed" an answer that no page has.
	source string
	remedy string
}

const (
	fixToken    = "copy the token, or the whole webhook address, of the robot into the connection's password again"
	slowDown    = "DingTalk accepts 20 messages a minute from a robot, then blocks it for 10 minutes: send fewer or join them into one"
	fixContent  = "DingTalk's content check refuses it: change the text, the link or the picture"
	fixApp      = "check AppKey and AppSecret of the application in DingTalk's developer console"
	slowCalls   = "the application calls too often: spread the calls"
	tryLater    = "nothing was done; try again later"
	askAgain    = "it may have been done: check before trying again"
	widen       = "widen the app's range of departments and people: developer console, the app, Version Management, available range"
	fixScope    = "give the application the permission that the text names, in the developer console"
	fixIP       = "add the address that the text names to the application's IP list, in the developer console"
	monthly     = "the organisation's calls of this month are used up: buy more or wait for the next month"
	fixBot      = "check robot_code: the developer console shows it on the app's page Robot"
	fixOperator = "operator_id must be a unionId; for a userid use operator_user_id"
	fixSharing  = "share the document with the person in operator_id, or act as somebody who may do this"
	slowBot     = "the bot sends too fast: spread the messages"
)

// codes maps DingTalk's codes to kinds; code words stand in lower case, as DingTalk
// does not agree with itself on theirs. A number that is not here was still a refusal:
// it counts as unavailable, keeps its text and is [Error.Unknown], so that whoever tries
// again does so a few times only. For a word that is not here the HTTP
// status decides. An uncertain one is only so for what changes something.
var codes = map[string]codeRow{
	"-1":     {KindUnavailable, busyPause, "legacy", "DingTalk is busy: " + tryLater},
	"310000": {KindAuth, 0, "robot", ""}, // see securityRemedy
	"300001": {KindAuth, 0, "observed until 2022", fixToken},
	"300005": {KindAuth, 0, "observed since 2022", fixToken},
	"400101": {KindAuth, 0, "robot", fixToken},
	"400102": {KindNotFound, 0, "robot", "the robot is switched off: enable it in the group under Group Settings, Bots"},
	"400106": {KindNotFound, 0, "robot", "the robot was removed: add one to the group and put its token into the connection"},
	"400013": {KindNotFound, 0, "robot", "the group was disbanded: point the connection at a robot of another group"},
	"400105": {KindInvalid, 0, "robot", "use one of the message types text, link, markdown, actionCard, feedCard"},
	"40035":  {KindInvalid, 0, "legacy", "a field of the message is missing or wrong"},
	"43004":  {KindInvalid, 0, "legacy", "something between here and DingTalk changes the content type: check the proxy"},
	"460101": {KindInvalid, 0, "robot", "shorten the message: its JSON may have 20000 bytes"},
	"430101": {KindInvalid, 0, "robot", fixContent},
	"430102": {KindInvalid, 0, "robot", fixContent},
	"430103": {KindInvalid, 0, "robot", fixContent},
	"430104": {KindInvalid, 0, "robot", fixContent},
	"660026": {KindRateLimited, robotBlock, "observed 2026", slowDown},
	"130101": {KindRateLimited, robotBlock, "observed before 2026", slowDown},
	"410100": {KindRateLimited, robotBlock, "robot", slowDown},

	"40001":  {KindAuth, 0, "legacy", fixApp},
	"40014":  {KindAuth, 0, "legacy", "the access token is wrong or expired: " + fixToken},
	"42001":  {KindAuth, 0, "legacy", "the access token is wrong or expired: " + fixToken},
	"40000":  {KindAuth, 0, "legacy", "the request had no access token: check the connection's password"},
	"40089":  {KindAuth, 0, "legacy", fixApp},
	"40096":  {KindAuth, 0, "legacy", fixApp},
	"33001":  {KindAuth, 0, "legacy", "the organisation is wrong: check that the application belongs to it"},
	"43007":  {KindAuth, 0, "legacy", fixScope},
	"60011":  {KindAuth, 0, "legacy", fixScope},
	"60020":  {KindAuth, 0, "legacy", fixIP},
	"90020":  {KindAuth, 0, "legacy", monthly},
	"22":     {KindInvalid, 0, "legacy", "DingTalk knows no such method: check the connection's host"},
	"400002": {KindInvalid, 0, "legacy", "a parameter is wrong"},
	"40031":  {KindInvalid, 0, "legacy", "a user id in the list is wrong"},
	"33012":  {KindInvalid, 0, "legacy", "a user id is wrong"},
	"34016":  {KindInvalid, 0, "legacy", "shorten the message"},
	"404":    {KindNotFound, 0, "observed", "DingTalk knows no such path: check the path of the connection's host"},
	"40016":  {KindNotFound, 0, "legacy", "what the request names does not exist"},
	"60003":  {KindNotFound, 0, "legacy", "the department does not exist"},
	"60121":  {KindNotFound, 0, "legacy", "the user does not exist in this organisation"},
	"90018":  {KindRateLimited, shortPause, "legacy", slowCalls},
	"1111":   {KindRateLimited, ipBlock, "observed", "DingTalk blocks this address for some minutes after too many calls"},

	"15": {KindUncertain, 0, "legacy", "DingTalk's own back end did not answer in time: check whether it was done before trying again"},
	"isp.top-remote-connection-timeout": {
		KindUncertain, 0, "legacy", "DingTalk's own back end did not answer in time: check whether it was done before trying again",
	},
	"88": {KindUncertain, 0, "legacy", "DingTalk's gateway gave up without a reason: check whether it was done before trying again"},

	"500":    {KindUncertain, 0, "legacy", "DingTalk failed: " + askAgain},
	"400001": {KindUncertain, 0, "chat", "DingTalk failed or the id is wrong: " + askAgain},
	"34001":  {KindNotFound, 0, "legacy", "the group does not exist"},
	"34004":  {KindInvalid, 0, "legacy", "the message type is wrong"},
	"40004":  {KindInvalid, 0, "media", "the media type must be image, voice, video or file"},
	"40005":  {KindInvalid, 0, "media", "DingTalk does not accept files of this kind under this media type"},
	"40006":  {KindInvalid, 0, "media", "the file is too large for its media type"},
	"40056":  {KindInvalid, 0, "notice", "check the agent_id: the developer console shows it as AgentId"},
	"40068":  {KindInvalid, 0, "legacy", "the cursor is wrong: use 0 or the next_cursor of the page before"},
	"40069":  {KindInvalid, 0, "legacy", "the page size is wrong"},
	"40100":  {KindInvalid, 0, "user", "somebody else has this telephone extension"},
	"40101":  {KindInvalid, 0, "user", "somebody else has this mail address"},
	"40103":  {KindInvalid, 0, "user", "the person's account is protected: an invitation was sent and waits for consent"},
	"40104":  {KindInvalid, 0, "user", "the mobile number is malformed"},
	"41030":  {KindAuth, 0, "notice", "the organisation has not authorised the app"},
	"41052":  {KindUnavailable, settling, "notice", "the result is not there yet, or the notice has too many recipients"},
	"43008":  {KindInvalid, 0, "legacy", "something between here and DingTalk changes the content type: check the proxy"},
	"43009":  {KindInvalid, 0, "legacy", "something between here and DingTalk changes the content type: check the proxy"},
	"49000":  {KindInvalid, 0, "chat", "the chatid is missing"},
	"49010":  {KindInvalid, 0, "chat", "the list of members is empty"},
	"49011":  {KindInvalid, 0, "chat", "the list of members is too long"},
	"49013":  {KindInvalid, 0, "chat", "the owner is missing"},
	"50002":  {KindAuth, 0, "user", "the app may not see this person: " + widen},
	"50004":  {KindAuth, 0, "user", "the app may not see this department: " + widen},
	"60019":  {KindUnavailable, 0, "user", "the members could not be read: " + tryLater},
	"60102":  {KindInvalid, 0, "user", "the userid is taken"},
	"60103":  {KindInvalid, 0, "user", "the mobile number is malformed"},
	"60104":  {KindInvalid, 0, "user", "the mobile number is in the organisation already"},
	"60106":  {KindInvalid, 0, "user", "somebody else has this mail address"},
	"60107":  {KindInvalid, 0, "user", "the person is a member already"},
	"70001":  {KindNotFound, 0, "chat", "the organisation does not exist"},
	"400020": {KindNotFound, 0, "chat", "the group was not created from a template of this app"},

	"invalidauthentication":                                  {KindAuth, 0, "new", fixApp},
	"accesstoken.expired":                                    {KindAuth, 0, "new", fixApp},
	"authenticationfailed.missingparameter":                  {KindAuth, 0, "new", fixApp},
	"invalidclientidorsecret":                                {KindAuth, 0, "new", fixApp},
	"authfailed":                                             {KindAuth, 0, "new", fixApp},
	"invalid.client":                                         {KindAuth, 0, "new", fixApp},
	"unauthorized.client":                                    {KindAuth, 0, "new", "the organisation is wrong: check that the application belongs to it"},
	"forbidden.accessdenied.accesstokenpermissiondenied":     {KindAuth, 0, "new", fixScope},
	"forbidden.accessdenied.ipnotinwhitelist":                {KindAuth, 0, "new", fixIP},
	"forbidden.accessdenied.apicountlimitfororg":             {KindAuth, 0, "new", monthly},
	"forbidden.accessdenied.qpslimitforapi":                  {KindRateLimited, shortPause, "new", "everybody calls this API too often: avoid the full hour"},
	"forbidden.accessdenied.qpslimitforappkeyandapi":         {KindRateLimited, shortPause, "new", slowCalls},
	"forbidden.accessdenied.qpslimitforsuitekeyandorgandapi": {KindRateLimited, shortPause, "new", slowCalls},
	"forbidden.accessdenied.qpmlimitforappkeyandapi":         {KindRateLimited, time.Minute, "new", slowCalls},
	"systembusy":             {KindRateLimited, shortPause, "new", "DingTalk is busy: " + tryLater},
	"system.busy":            {KindUnavailable, busyPause, "new", "DingTalk is busy: " + tryLater},
	"servicebusy":            {KindUnavailable, busyPause, "new", "DingTalk is busy: " + tryLater},
	"systemerror":            {KindUncertain, 0, "new", "DingTalk failed: " + askAgain},
	"system.error":           {KindUncertain, 0, "new", "DingTalk failed: " + askAgain},
	"internalerror":          {KindUncertain, 0, "new", "DingTalk failed: " + askAgain},
	"unknownerror":           {KindUncertain, 0, "new", "DingTalk failed: " + askAgain},
	"operationtimeout":       {KindUncertain, 0, "new", "DingTalk's own back end did not answer in time: " + askAgain},
	"invalidaction.notfound": {KindNotFound, 0, "new", "DingTalk knows no such path: check the path of the connection's host"},

	"invalidrequest.document.stillinitializing":  {KindUnavailable, settling, "workbook", "the workbook was just created: wait a few seconds"},
	"invalidrequest.inputargs.operatoridillegal": {KindInvalid, 0, "workbook", fixOperator},
	"invalidrequest.inputargs.unionidillegal":    {KindInvalid, 0, "workbook", fixOperator},
	"invalidrequest.resource.notworkbook":        {KindInvalid, 0, "workbook", "the id is of a document that is not a spreadsheet: use the id of a node whose extension is axls"},
	"invalidrequest.inputargs.invalid":           {KindInvalid, 0, "workbook", "an argument is wrong: a place outside the sheet, or an operator_id that is not a unionId"},
	"invalidrequest.workspacenode.nameconflict":  {KindInvalid, 0, "doc", "the name is taken there: choose another one"},
	"forbidden.accessdenied":                     {KindAuth, 0, "workbook", fixSharing},
	"forbidden.acrossorg":                        {KindAuth, 0, "workbook", "the document belongs to another organisation"},
	"forbidden.operationillegal":                 {KindInvalid, 0, "workbook", "the workbook does not allow it; its only worksheet, for one, cannot be deleted"},
	"forbidden.document.sizeoverlimit":           {KindInvalid, 0, "workbook", "the workbook would become too large: begin another one"},
	"permissiondenied":                           {KindAuth, 0, "wiki", fixSharing},
	"paramerror":                                 {KindInvalid, 0, "wiki", "a parameter is wrong; " + fixOperator},

	"send.too.fast":                       {KindRateLimited, botPause, "bot", slowBot},
	"too.many.people":                     {KindRateLimited, botPause, "bot", slowBot},
	"too.many.group":                      {KindRateLimited, botPause, "bot", slowBot},
	"send.bytoken.toofast":                {KindRateLimited, botPause, "bot", slowBot},
	"toomuch.msg":                         {KindRateLimited, botPause, "bot", slowBot},
	"processquerykey.expiretime":          {KindUnavailable, settling, "bot", "there is nothing yet, or the message is older than 24 hours"},
	"robot.processquerykey.expired":       {KindInvalid, 0, "bot", "the message is older than 24 hours"},
	"resource.not.found":                  {KindNotFound, 0, "bot", fixBot},
	"invalidparameter.robotcode.notexsit": {KindNotFound, 0, "bot", fixBot},
	"invalidparameter.robotcode.auth":     {KindAuth, 0, "bot", fixBot},
	"template.not.existed":                {KindNotFound, 0, "bot", fixBot},
	"resource.unavailable":                {KindNotFound, 0, "bot", "add the bot to the group and switch it on there"},
	"bot.stopped":                         {KindNotFound, 0, "bot", "switch the bot on in the group"},
	"bot.forbidden.sendmessage":           {KindAuth, 0, "bot", "the bot is muted in the group"},
	"invalid.openconversationid":          {KindNotFound, 0, "bot", "the group does not exist: check the openConversationId, which begins with cid"},
	"openconversationid.notexisted":       {KindNotFound, 0, "bot", "the group does not exist: check the openConversationId, which begins with cid"},
	"group.disbanded":                     {KindNotFound, 0, "bot", "the group was disbanded"},
	"staffid.notexisted":                  {KindNotFound, 0, "bot", "the user does not exist in this organisation"},
	"ding.serverquota.insufficient":       {KindAuth, 0, "ding", "the organisation's paid DINGs are used up: send in the app, or buy more"},
	"unauthorized":                        {KindAuth, 0, "bot", fixScope},
	"auth.error":                          {KindAuth, 0, "new", fixScope},
	"permession.checkfailed":              {KindAuth, 0, "chat", "the app may not do this, or the owner is outside its range: " + widen},
	"grouppermissiondenied":               {KindAuth, 0, "chat", "the app sees only groups that were created from its template or have its group application"},
	"cidencrypterror":                     {KindInvalid, 0, "chat", "the openConversationId is wrong; it begins with cid and is copied whole"},
	"invalidechatid":                      {KindNotFound, 0, "chat", "the group does not exist: check the chatid, which begins with chat"},
	"grouptemplate.notfound":              {KindNotFound, 0, "chat", "the group template does not exist: copy its id from the developer console"},
	"member.notfound":                     {KindNotFound, 0, "chat", "a user in the list does not exist"},
}

// lookup finds the row of a code, families included.
func lookup(code string) (codeRow, bool) {
	if row, ok := codes[strings.ToLower(code)]; ok {
		return row, true
	}
	switch {
	// 400N0x, where N is the number of the message type, up to 401104.
	case len(code) == 6 && code >= "400201" && code <= "401199":
		return codeRow{KindInvalid, 0, "robot", "a field of the message is missing or wrong: compare its keys with DingTalk's page of the message type"}, true
	// The gateway's limits by other dimensions.
	case len(code) == 5 && code >= "90001" && code <= "90014":
		return codeRow{KindRateLimited, shortPause, "legacy", slowCalls}, true
	}
	return codeRow{}, false
}

// IsCode reports whether the error has one of the codes, in lower case.
func (e *Error) IsCode(codes ...string) bool {
	return slices.Contains(codes, strings.ToLower(e.Code))
}

// isToken reports that an app's access token is not valid any more.
func (e *Error) isToken() bool {
	return e.IsCode("40014", "42001", "40001", "invalidauthentication", "accesstoken.expired")
}

func (e *Error) isCredentials() bool {
	return e.IsCode("40089", "40096", "invalidclientidorsecret", "authfailed", "invalid.client")
}

func (e *Error) isScope() bool {
	return e.IsCode("60011", "43007", "forbidden.accessdenied.accesstokenpermissiondenied")
}

func (e *Error) isIP() bool {
	return e.IsCode("60020", "forbidden.accessdenied.ipnotinwhitelist")
}

func (e *Error) isInitializing() bool { return e.IsCode("invalidrequest.document.stillinitializing") }

// isQPS reports that the gateway refused a call for the others of the same second.
func (e *Error) isQPS() bool { return e.Kind == KindRateLimited && e.RetryAfter == shortPause }

// advise says what to do about the error of an app's call where the code alone, or the
// same code of a robot, says something else.
func advise(e *Error) string {
	switch {
	case e.isToken():
		return "the access token was just fetched and is refused: check that host and AppKey of the connection belong together"
	case e.isScope() && len(e.Scopes) > 0:
		return "give the app the permission " + strings.Join(e.Scopes, ", ") + ": developer console, the app, Permissions, search for it, Apply"
	case e.isIP() && e.IP != "":
		return "let the app call from " + e.IP + ": developer console, the app, Security Settings, Server Outbound IP"
	case e.Kind == KindUncertain && e.Code == "":
		return askAgain
	}
	return ""
}

// refusal builds the error of a code that DingTalk answered.
func refusal(code, message, requestID string, status int) *Error {
	e := &Error{Kind: KindUnavailable, HTTPStatus: status, Code: code, Message: message, RequestID: requestID}
	row, ok := lookup(code)
	if ok {
		e.Kind, e.RetryAfter = row.kind, row.retryAfter
	}
	e.unknown = !ok
	e.again = code == "-1"
	return e
}
