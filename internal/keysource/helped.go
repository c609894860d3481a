package keysource

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"authsome/internal/keysource/helper"
	"authsome/vault"
)

// call asks a helper. subject is what is asked about, for people.
func (s *Set) call(
	ctx context.Context, program, operation, subject string, request helper.Request,
) (helper.Answer, error) {
	var answer helper.Answer
	sent, err := json.Marshal(request)
	if err != nil {
		return answer, err
	}
	defer clear(sent)
	out, err := s.program(ctx, []string{s.find(program), operation}, bytes.NewReader(sent))
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return answer, unavailable(subject+" cannot be used", "install "+program+", which comes with authsome, on $PATH", err)
	case err != nil:
		return answer, unavailable(subject+" cannot be used", "try again", err)
	}
	defer clear(out)
	if err := json.Unmarshal(out, &answer); err != nil {
		return answer, unavailable(subject+" cannot be used", "reinstall "+program, errors.New("the answer of "+program+" is no JSON"))
	}
	return answer, failure(subject, answer)
}

// failure is what an answer complains of.
func failure(subject string, answer helper.Answer) error {
	switch {
	case answer.Error == "":
		return nil
	case answer.Refused:
		return &Problem{
			Message: subject + " is not what the data key was encrypted with", Advice: answer.Hint,
			Err: fmt.Errorf("%w: %s", vault.ErrWrongKey, answer.Error),
		}
	case answer.Ask:
		return locked(subject+" cannot be used", unlockAdvice, errors.New(answer.Error))
	}
	return unavailable(subject+" cannot be used", answer.Hint, errors.New(answer.Error))
}

// find prefers a helper that lies beside this program: the two were installed together.
func (*Set) find(program string) string {
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), program)
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return beside
		}
	}
	return program
}
