package client_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/harness"
)

// question is an evaluation by an OpenFeature client. The programs of the folder
// openfeature and of the module ofrepgo read its JSON.
type question struct {
	ID   string `json:"id"`
	Flag string `json:"flag"`
	// Type is the requested type, which may differ from the flag's.
	Type    string            `json:"type"`
	Default any               `json:"default"`
	Context e2etest.Object    `json:"context,omitempty"`
	Path    string            `json:"path,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	// Auth is the header of the key if it is not Authorization.
	Auth string `json:"auth,omitempty"`
	// Key is the key if it is not the valid one.
	Key string `json:"key,omitempty"`
}

// evaluation is the result of a client.
type evaluation struct {
	ID        string `json:"id"`
	Value     any    `json:"value"`
	Type      string `json:"type"`
	Variant   string `json:"variant"`
	Reason    string `json:"reason"`
	ErrorCode string `json:"error_code"`
}

// The tested clients.
const (
	inPython  = "Python"
	inNode    = "JavaScript for servers"
	inBrowser = "JavaScript for browsers"
	inGo      = "Go"
)

// openFeatureTypes has the names of the flags' types in each client's language. Python
// must get a float for 10.0, not an int.
func openFeatureTypes() map[string]map[string]string {
	javaScript := map[string]string{
		"boolean": "boolean", "string": "string", "integer": "number", "float": "number", "object": "object",
	}
	return map[string]map[string]string{
		inPython: {"boolean": "bool", "string": "str", "integer": "int", "float": "float", "object": "dict"},
		inNode:   javaScript, inBrowser: javaScript,
		inGo: {
			"boolean": "bool", "string": "string", "integer": "int64", "float": "float64",
			"object": "map[string]interface {}",
		},
	}
}

// openFeatureFlags are the flags that the clients evaluate.
func openFeatureFlags() []e2etest.Object {
	constant := func(name, kind, variant string, variants e2etest.Object) e2etest.Object {
		return e2etest.Object{
			"name": name, "environment": "production", "is_enabled": true, "type": kind,
			"variants": variants, "default": e2etest.Object{"variant": variant},
		}
	}
	but := func(flag, more e2etest.Object) e2etest.Object {
		maps.Copy(flag, more)
		return flag
	}
	// 10.0 is written as a float, which Go's encoder would not do.
	floats := e2etest.Object{"half": 0.5, "ten": json.RawMessage("10.0"), "zero": json.RawMessage("0.0")}
	texts := e2etest.Object{"hello": "hello, world", "nothing": ""}
	counts := e2etest.Object{"seven": 7, "zero": 0}
	layouts := e2etest.Object{
		"wide": e2etest.Object{"columns": 3, "names": []any{"left", "right"}, "deep": e2etest.Object{"on": true}}, "bare": e2etest.Object{},
	}
	return []e2etest.Object{
		{"name": "switch", "environment": "production", "is_enabled": true},
		{
			"name": "switch-off", "environment": "production", "is_enabled": true, "type": "boolean",
			"default": e2etest.Object{"variant": "off"},
		},
		constant("text", "string", "hello", texts),
		constant("text-empty", "string", "nothing", texts),
		constant("count", "integer", "seven", counts),
		constant("count-zero", "integer", "zero", counts),
		constant("ratio", "float", "half", floats),
		constant("ratio-whole", "float", "ten", floats),
		constant("ratio-zero", "float", "zero", floats),
		constant("layout", "object", "wide", layouts),
		constant("layout-empty", "object", "bare", layouts),
		but(constant("parked", "string", "hello", texts), e2etest.Object{"is_enabled": false}),
		but(constant("closed", "string", "hello", e2etest.Object{"hello": "hello, world", "shut": "closed today"}),
			e2etest.Object{"is_enabled": false, "off_variant": "shut"}),
		greeting(),
		{
			"name": "invited", "environment": "production", "is_enabled": true, "type": "boolean",
			"default": e2etest.Object{"variant": "off"}, "target_users": []any{"user-1"}, "target_variant": "on",
		},
		but(constant("halves", "string", "", e2etest.Object{"left": "the left half", "right": "the right half"}),
			e2etest.Object{"default": e2etest.Object{"allocation": e2etest.Object{"left": 500_000, "right": 500_000}}}),
		constant("region", "string", "here", e2etest.Object{"here": "in production"}),
		but(constant("region", "string", "there", e2etest.Object{"there": "in staging"}), e2etest.Object{"environment": "staging"}),
	}
}

// greeting is a flag with a rule.
func greeting() e2etest.Object {
	return e2etest.Object{
		"name": "greeting", "environment": "production", "is_enabled": true, "type": "string",
		"variants": e2etest.Object{"plain": "hello", "golden": "welcome back"},
		"default":  e2etest.Object{"variant": "plain"},
		"rules": []any{e2etest.Object{
			"id": "r1", "variant": "golden",
			"conditions": []any{e2etest.Object{"attribute": "plan", "operator": "equals", "values": []any{"gold"}}},
		}},
	}
}

// evaluationCase is an evaluation with its expected result.
type evaluationCase struct {
	question
	// shows is the tested behaviour.
	shows string
	// want is the result of every client that is not in but.
	want evaluation
	// but has the results of clients that differ, by client.
	but map[string]evaluation
}

// failed is an error, for which a client returns the default.
func failed(value any, code string) evaluation {
	return evaluation{Value: value, Reason: "ERROR", ErrorCode: code}
}

// openFeatureQuestions is the table of evaluations with their expected results. The half
// is user-1's side of the split.
func openFeatureQuestions(half string) []evaluationCase {
	static := func(value any, variant string) evaluation {
		return evaluation{Value: value, Variant: variant, Reason: "STATIC"}
	}
	gold := e2etest.Object{"targetingKey": "user-1", "plan": "gold"}
	return []evaluationCase{
		{
			shows:    "a boolean",
			question: question{Flag: "switch", Type: "boolean", Default: false},
			want:     static(true, "on"),
		},
		{
			shows:    "a boolean that is false",
			question: question{Flag: "switch-off", Type: "boolean", Default: true},
			want:     static(false, "off"),
		},
		{
			shows:    "a string",
			question: question{Flag: "text", Type: "string", Default: "fallback"},
			want:     static("hello, world", "hello"),
		},
		{
			shows:    "an empty string",
			question: question{Flag: "text-empty", Type: "string", Default: "fallback"},
			want:     static("", "nothing"),
		},
		{
			shows:    "an integer",
			question: question{Flag: "count", Type: "integer", Default: 1},
			want:     static(7, "seven"),
		},
		{
			shows:    "an integer that is zero",
			question: question{Flag: "count-zero", Type: "integer", Default: 1},
			want:     static(0, "zero"),
		},
		{
			shows:    "a float",
			question: question{Flag: "ratio", Type: "float", Default: 1.5},
			want:     static(0.5, "half"),
		},
		{
			// Python's provider rejects an int for a float: the server must write 10.0.
			shows:    "a float that is whole",
			question: question{Flag: "ratio-whole", Type: "float", Default: 1.5},
			want:     static(10, "ten"),
		},
		{
			shows:    "a float that is zero",
			question: question{Flag: "ratio-zero", Type: "float", Default: 1.5},
			want:     static(0, "zero"),
		},
		{
			shows:    "an object",
			question: question{Flag: "layout", Type: "object", Default: e2etest.Object{"fallback": true}},
			want: static(e2etest.Object{
				"columns": 3, "names": []any{"left", "right"}, "deep": e2etest.Object{"on": true},
			}, "wide"),
		},
		{
			shows:    "an empty object",
			question: question{Flag: "layout-empty", Type: "object", Default: e2etest.Object{"fallback": true}},
			want:     static(e2etest.Object{}, "bare"),
		},
		{
			shows:    "a disabled flag without a variant for that is the code's default",
			question: question{Flag: "parked", Type: "string", Default: "fallback"},
			want:     evaluation{Value: "fallback", Reason: "DISABLED"},
			// This provider is older than protocol 0.3 and requires a value.
			but: map[string]evaluation{inNode: failed("fallback", "GENERAL")},
		},
		{
			shows:    "a disabled flag with a variant for that has its value",
			question: question{Flag: "closed", Type: "string", Default: "fallback"},
			want:     evaluation{Value: "closed today", Variant: "shut", Reason: "DISABLED"},
			// Go's provider returns the default for every disabled flag, with the variant of
			// the server's response.
			but: map[string]evaluation{inGo: {Value: "fallback", Variant: "shut", Reason: "DISABLED"}},
		},
		{
			shows:    "a flag that does not exist is the code's default",
			question: question{Flag: "missing", Type: "boolean", Default: true},
			want:     failed(true, "FLAG_NOT_FOUND"),
		},
		{
			shows:    "a string requested as a boolean",
			question: question{Flag: "text", Type: "boolean", Default: true},
			want:     failed(true, "TYPE_MISMATCH"),
		},
		{
			shows:    "an object requested as a string",
			question: question{Flag: "layout", Type: "string", Default: "fallback"},
			want:     failed("fallback", "TYPE_MISMATCH"),
		},
		{
			shows:    "an integer requested as a float",
			question: question{Flag: "count", Type: "float", Default: 1.5},
			want:     static(7, "seven"),
			but:      map[string]evaluation{inPython: failed(1.5, "TYPE_MISMATCH")},
		},
		{
			shows:    "an integral float requested as an integer",
			question: question{Flag: "ratio-whole", Type: "integer", Default: 1},
			want:     static(10, "ten"),
			but:      map[string]evaluation{inPython: failed(1, "TYPE_MISMATCH")},
		},
		{
			shows:    "a rule that the context meets",
			question: question{Flag: "greeting", Type: "string", Default: "fallback", Context: gold},
			want:     evaluation{Value: "welcome back", Variant: "golden", Reason: "TARGETING_MATCH"},
		},
		{
			shows: "a rule that the context does not meet",
			question: question{
				Flag: "greeting", Type: "string", Default: "fallback",
				Context: e2etest.Object{"targetingKey": "user-1", "plan": "silver"},
			},
			want: evaluation{Value: "hello", Variant: "plain", Reason: "DEFAULT"},
		},
		{
			shows:    "a targeted user",
			question: question{Flag: "invited", Type: "boolean", Default: false, Context: gold},
			want:     evaluation{Value: true, Variant: "on", Reason: "TARGETING_MATCH"},
		},
		{
			shows:    "a split with a targeting key",
			question: question{Flag: "halves", Type: "string", Default: "fallback", Context: gold},
			want:     evaluation{Value: "the " + half + " half", Variant: half, Reason: "SPLIT"},
		},
		{
			shows: "a split without a targeting key",
			question: question{
				Flag: "halves", Type: "string", Default: "fallback", Context: e2etest.Object{"plan": "gold"},
			},
			want: failed("fallback", "TARGETING_KEY_MISSING"),
		},
		{
			shows: "an environment named by a header",
			question: question{
				Flag: "region", Type: "string", Default: "fallback",
				Headers: map[string]string{"X-Environment": "staging"},
			},
			want: static("in staging", "there"),
		},
		{
			shows:    "an environment named by the address",
			question: question{Flag: "region", Type: "string", Default: "fallback", Path: "/environments/staging"},
			want:     static("in staging", "there"),
		},
		{
			shows:    "production where no environment is named",
			question: question{Flag: "region", Type: "string", Default: "fallback"},
			want:     static("in production", "here"),
		},
		{
			shows:    "a key in the header X-API-Key",
			question: question{Flag: "switch", Type: "boolean", Default: false, Auth: "X-API-Key"},
			want:     static(true, "on"),
		},
		{
			shows:    "a key that is not known",
			question: question{Flag: "switch", Type: "boolean", Default: false, Key: unknownKey},
			want:     failed(false, "GENERAL"),
			// The provider requests the flags when it starts, and fails to start.
			but: map[string]evaluation{inBrowser: failed(false, "PROVIDER_FATAL")},
		},
		{
			shows:    "a key that is none",
			question: question{Flag: "switch", Type: "boolean", Default: false, Key: "none"},
			want:     failed(false, "GENERAL"),
			but:      map[string]evaluation{inBrowser: failed(false, "PROVIDER_FATAL")},
		},
	}
}

// unknownKey stands for a well-formed key that was never issued.
const unknownKey = "unknown"

func TestOpenFeatureClients(t *testing.T) {
	t.Parallel()
	clients := map[string]func(t *testing.T, s *e2etest.Server, questions []question) []evaluation{
		inPython: func(t *testing.T, s *e2etest.Server, questions []question) []evaluation {
			return startPython(t, s).answers(questions)
		},
		inNode: func(t *testing.T, s *e2etest.Server, questions []question) []evaluation {
			return startNode(t, s, "server.mjs").answers(questions)
		},
		inBrowser: func(t *testing.T, s *e2etest.Server, questions []question) []evaluation {
			page := startNode(t, s, "web.mjs")
			answers := make([]evaluation, 0, len(questions))
			for _, q := range questions {
				answers = append(answers, send[evaluation](page, e2etest.Object{"do": "ask", "question": q}))
			}
			return answers
		},
		inGo: evaluateInGo,
	}
	for name, answersOf := range clients {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openFeatureService(t)
			list := openFeatureQuestions(s.half)
			answers := answersOf(t, s.Server, numbered(t, list))
			require.Len(t, answers, len(list))
			for i, q := range list {
				want, own := q.but[name]
				if !own {
					want = q.want
				}
				want.ID, want.Type = strconv.Itoa(i), openFeatureTypes()[name][q.Type]
				requireEvaluation(t, want, answers[i], q.shows)
			}
		})
	}
}

// numbered returns the questions of the table with their numbers and keys.
func numbered(tb testing.TB, list []evaluationCase) []question {
	tb.Helper()
	questions := make([]question, len(list))
	for i := range list {
		questions[i] = list[i].question
		questions[i].ID = strconv.Itoa(i)
		if questions[i].Key == unknownKey {
			token, err := access.NewToken("somebody", strings.Repeat("N0ne", 8))
			require.NoError(tb, err)
			questions[i].Key = token.Text().Reveal()
		}
	}
	return questions
}

// requireEvaluation compares values as JSON, since their number types differ.
func requireEvaluation(tb testing.TB, want, got evaluation, shows string) {
	tb.Helper()
	wanted, err := json.Marshal(want)
	require.NoError(tb, err)
	given, err := json.Marshal(got)
	require.NoError(tb, err)
	require.JSONEq(tb, string(wanted), string(given), shows)
}

func TestOpenFeaturePageThatStaysOpen(t *testing.T) {
	t.Parallel()
	type request struct {
		Status      int    `json:"status"`
		IfNoneMatch string `json:"if_none_match"`
		ETag        string `json:"etag"`
	}
	s := openFeatureService(t)
	c := s.Admin(t)
	page := startNode(t, s.Server, "web.mjs")
	greets := func(value, variant, reason string) {
		t.Helper()
		q := question{ID: "greeting", Flag: "greeting", Type: "string", Default: "fallback"}
		requireEvaluation(t, evaluation{ID: q.ID, Value: value, Type: "string", Variant: variant, Reason: reason},
			send[evaluation](page, e2etest.Object{"do": "evaluate", "question": q}), "greeting")
	}
	unchanged := func(etag string) {
		t.Helper()
		require.Equal(t, request{Status: http.StatusNotModified, IfNoneMatch: etag, ETag: etag},
			send[request](page, e2etest.Object{"do": "poll"}))
	}

	// The page starts with all flags of one request.
	opened := send[struct {
		Requests []request `json:"requests"`
	}](page, e2etest.Object{
		"do": "open", "poll_ms": 50, "context": e2etest.Object{"targetingKey": "user-1", "plan": "silver"},
	})
	require.Len(t, opened.Requests, 1)
	first := opened.Requests[0]
	require.NotEmpty(t, first.ETag)
	require.Equal(t, request{Status: http.StatusOK, ETag: first.ETag}, first)
	greets("hello", "plain", "DEFAULT")

	// A poll finds no change.
	unchanged(first.ETag)
	greets("hello", "plain", "DEFAULT")

	// The same user is evaluated with another plan. The provider sends the entity tag of
	// its cached results, though those are of the old plan: tags of different contexts must
	// differ.
	golden := send[request](page, e2etest.Object{
		"do": "context", "context": e2etest.Object{"targetingKey": "user-1", "plan": "gold"},
	})
	require.NotEqual(t, first.ETag, golden.ETag)
	require.Equal(t, request{Status: http.StatusOK, IfNoneMatch: first.ETag, ETag: golden.ETag}, golden)
	greets("welcome back", "golden", "TARGETING_MATCH")
	unchanged(golden.ETag)

	// The flag changes; the next poll returns it.
	variants := e2etest.Object{"plain": "hello", "golden": "welcome home"}
	c.Put(t, e2etest.FlagsPath+s.ids["greeting"], e2etest.Object{"variants": variants}).Want(t, http.StatusOK)
	require.Equal(t, e2etest.Object{"flags": []any{"greeting"}}, send[e2etest.Object](page, e2etest.Object{"do": "changed", "flag": "greeting"}))
	greets("welcome home", "golden", "TARGETING_MATCH")
	changed := send[request](page, e2etest.Object{"do": "poll"})
	require.NotEqual(t, golden.ETag, changed.ETag)
	require.Equal(t, request{Status: http.StatusNotModified, IfNoneMatch: changed.ETag, ETag: changed.ETag}, changed)

	// Another user: the provider discards the tag.
	other := send[request](page, e2etest.Object{
		"do": "context", "context": e2etest.Object{"targetingKey": "user-2", "plan": "silver"},
	})
	require.Equal(t, http.StatusOK, other.Status)
	require.Empty(t, other.IfNoneMatch)
	greets("hello", "plain", "DEFAULT")
}

// TestOpenFeaturePageThatFollows never polls: the stream notifies it of the snapshot to
// request.
func TestOpenFeaturePageThatFollows(t *testing.T) {
	t.Parallel()
	s := openFeatureService(t)
	page := startNode(t, s.Server, "web.mjs")
	require.Equal(t, e2etest.Object{"stream": "/ofrep/v1/stream"},
		send[e2etest.Object](page, e2etest.Object{"do": "follow", "context": e2etest.Object{"targetingKey": "user-1", "plan": "gold"}}))
	for _, greeting := range []string{"welcome home", "welcome again"} {
		variants := e2etest.Object{"plain": "hello", "golden": greeting}
		s.Admin(t).Put(t, e2etest.FlagsPath+s.ids["greeting"], e2etest.Object{"variants": variants}).Want(t, http.StatusOK)
		began := time.Now()
		require.Equal(t, e2etest.Object{"flags": []any{"greeting"}}, send[e2etest.Object](page, e2etest.Object{"do": "changed", "flag": "greeting"}))
		t.Logf("the page has it after %s", time.Since(began))
		q := question{ID: "greeting", Flag: "greeting", Type: "string", Default: "fallback"}
		require.Equal(t, greeting, send[evaluation](page, e2etest.Object{"do": "evaluate", "question": q}).Value)
	}
	// The stream's first event causes a request, which finds no change.
	statuses := map[int]int{}
	for _, r := range send[struct{ Requests []struct{ Status int } }](page, e2etest.Object{"do": "requests"}).Requests {
		statuses[r.Status]++
	}
	require.Equal(t, 3, statuses[http.StatusOK])
	require.LessOrEqual(t, statuses[http.StatusNotModified], 1)
	require.Len(t, statuses, min(2, 1+statuses[http.StatusNotModified]))
}

// flagServer is a service with the flags.
type flagServer struct {
	*e2etest.Server
	// ids are the ids of the flags by their names.
	ids map[string]string
	// half is user-1's side of the split, as the server evaluates it.
	half string
}

func openFeatureService(t *testing.T) flagServer {
	t.Helper()
	s := flagServer{Server: e2etest.Boot(t, e2etest.NewSQLite(t)), ids: map[string]string{}}
	c := s.Admin(t)
	for _, flag := range openFeatureFlags() {
		made := e2etest.Decode[struct {
			ID   int64  `json:"id"`
			Name string `json:"name"`
		}](t, c.Post(t, e2etest.FlagsPath, flag).Want(t, http.StatusCreated))
		s.ids[made.Name] = strconv.FormatInt(made.ID, 10)
	}
	split := e2etest.Decode[evaluation](t, c.Post(t, "/ofrep/v1/evaluate/flags/halves",
		e2etest.Object{"context": e2etest.Object{"targetingKey": "user-1"}}).Want(t, http.StatusOK))
	require.Contains(t, []string{"left", "right"}, split.Variant)
	s.half = split.Variant
	return s
}

// clientProgram is a client's program, which reads and writes lines of JSON.
type clientProgram struct {
	tb    testing.TB
	in    io.Writer
	out   *bufio.Scanner
	notes *e2etest.Lines
}

// startProgram runs a program of the folder openfeature until the test ends.
func startProgram(t *testing.T, s *e2etest.Server, environ []string, program ...string) *clientProgram {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), harness.Scale(15*e2etest.Timeout, 3*e2etest.Timeout))
	run := exec.CommandContext(ctx, program[0], program[1:]...)
	run.Dir = "openfeature"
	run.Env = append(append(os.Environ(), "SIGNALBOX_URL="+s.URL, "SIGNALBOX_KEY="+e2etest.AdminKey(t)), environ...)
	in, err := run.StdinPipe()
	require.NoError(t, err)
	out, err := run.StdoutPipe()
	require.NoError(t, err)
	c := &clientProgram{tb: t, in: in, out: bufio.NewScanner(out), notes: e2etest.NewLines()}
	run.Stderr = c.notes
	require.NoError(t, run.Start())
	t.Cleanup(func() {
		defer cancel()
		if t.Failed() {
			// It may wait for a response.
			cancel()
			t.Logf("%v ended with %v and wrote: %s", program, run.Wait(), c.notes)
			return
		}
		// The program exits at the end of its input.
		require.NoError(t, in.Close())
		require.NoError(t, run.Wait(), "%s", c.notes)
	})
	return c
}

// send sends a line and returns the response.
func send[T any](c *clientProgram, line any) T {
	c.tb.Helper()
	text, err := json.Marshal(line)
	require.NoError(c.tb, err)
	_, err = c.in.Write(append(text, '\n'))
	require.NoError(c.tb, err, "%s", c.notes)
	require.True(c.tb, c.out.Scan(), "no response to %s: %s", text, c.notes)
	var answer T
	require.NoError(c.tb, json.Unmarshal(c.out.Bytes(), &answer), "%s", c.out.Text())
	return answer
}

func (c *clientProgram) answers(questions []question) []evaluation {
	c.tb.Helper()
	answers := make([]evaluation, 0, len(questions))
	for _, q := range questions {
		answers = append(answers, send[evaluation](c, q))
	}
	return answers
}

// startPython starts the program of the Python client.
func startPython(t *testing.T, s *e2etest.Server) *clientProgram {
	t.Helper()
	version, err := exec.CommandContext(t.Context(), "python3", "-c",
		"import ensurepip, sys, venv; assert sys.version_info >= (3, 10); print(sys.prefix, sys.version)").Output()
	if err != nil {
		harness.Skip(t, "no Python 3.10 with venv: apt-get install python3-venv")
	}
	folder := install(t, "Python", string(version), []string{"requirements.txt"},
		"python3 -m venv .",
		"bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt")
	return startProgram(t, s, nil, filepath.Join(folder, "bin", "python"), "ask.py")
}

// startNode starts a program of a JavaScript client.
func startNode(t *testing.T, s *e2etest.Server, script string) *clientProgram {
	t.Helper()
	version, err := exec.CommandContext(t.Context(), "node", "-p", "process.version").Output()
	if err == nil {
		_, err = exec.LookPath("npm")
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(string(version), "v"), ".")
	if n, _ := strconv.Atoi(major); err != nil || n < 20 {
		harness.Skip(t, "no Node.js 20 with npm: apt-get install nodejs npm")
	}
	folder := install(t, "JavaScript", string(version), []string{"package.json", "package-lock.json"},
		"npm ci --loglevel=error --no-audit --no-fund --ignore-scripts")
	return startProgram(t, s, []string{"SIGNALBOX_MODULES=" + folder}, "node", script)
}

// evaluateInGo runs the test of the module ofrepgo, which is the program of the Go client.
func evaluateInGo(t *testing.T, s *e2etest.Server, questions []question) []evaluation {
	t.Helper()
	const module = "../../ofrepgo"
	ctx, cancel := context.WithTimeout(t.Context(), installTimeout)
	defer cancel()
	fetch := exec.CommandContext(ctx, "go", "mod", "download")
	fetch.Dir, fetch.Env = module, append(os.Environ(), "GOWORK=off")
	if text, err := fetch.CombinedOutput(); err != nil {
		t.Logf("%s", text)
		harness.Skip(t, "no way to install the OpenFeature client of Go: is the module proxy reached?")
	}
	folder := t.TempDir()
	text, err := json.Marshal(questions)
	require.NoError(t, err)
	file, answerFile := filepath.Join(folder, "questions.json"), filepath.Join(folder, "answers.json")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	run := exec.CommandContext(ctx, "go", "test", "-count=1", "./...")
	run.Dir, run.Env = module, append(os.Environ(), "GOWORK=off", "SIGNALBOX_URL="+s.URL, "SIGNALBOX_KEY="+e2etest.AdminKey(t),
		"SIGNALBOX_QUESTIONS="+file, "SIGNALBOX_ANSWERS="+answerFile)
	out, err := run.CombinedOutput()
	require.NoError(t, err, "%s", out)
	text, err = os.ReadFile(answerFile)
	require.NoError(t, err, "%s", out)
	var answers []evaluation
	require.NoError(t, json.Unmarshal(text, &answers))
	return answers
}

// installTimeout bounds the download and the build of a client.
const installTimeout = 5 * time.Minute

// install returns a folder in which commands have installed a client from files. The
// folder is reused until the files or the language's version change. If the package
// registry is unreachable the test is skipped.
func install(
	t *testing.T, language, version string, files []string, commands ...string,
) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), installTimeout)
	defer cancel()
	content, hash := map[string][]byte{}, sha256.New()
	_, _ = io.WriteString(hash, language+version)
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join("openfeature", name))
		require.NoError(t, err)
		content[name] = text
		_, _ = hash.Write(text)
	}
	caches, err := os.UserCacheDir()
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(caches, 0o700))
	folder := filepath.Join(caches, "signalbox-openfeature-"+hex.EncodeToString(hash.Sum(nil))[:16])

	// Tests of several processes may install concurrently.
	turn := flock.New(folder + ".lock")
	_, err = turn.TryLockContext(ctx, 50*time.Millisecond)
	require.NoError(t, err)
	defer func() { require.NoError(t, turn.Close()) }()

	whole := filepath.Join(folder, "installed")
	if _, err := os.Stat(whole); err == nil {
		return folder
	}
	// Remains of an interrupted install are discarded.
	require.NoError(t, os.RemoveAll(folder))
	require.NoError(t, os.MkdirAll(folder, 0o700))
	for name, text := range content {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), text, 0o600))
	}
	for _, command := range commands {
		words := strings.Fields(command)
		run := exec.CommandContext(ctx, words[0], words[1:]...)
		run.Dir = folder
		if text, err := run.CombinedOutput(); err != nil {
			t.Logf("%s: %v: %s", command, err, text)
			harness.Skip(t, "no way to install the OpenFeature clients of "+language+": is its registry reached?")
		}
	}
	require.NoError(t, os.WriteFile(whole, nil, 0o600))
	return folder
}
