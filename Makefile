# SPDX-License-Identifier: MIT OR Apache-2.0
# make                                         builds the program
# make install [PREFIX=FOLDER] [DESTDIR=ROOT]  installs it, its manual page and completions
# make uninstall, with the same words          takes them away
PREFIX = /usr/local
DESTDIR =
PROGRAM = target/release/newuts
export PROGRAM
export TO = $(DESTDIR)$(PREFIX)

all:
	cargo build --release --locked

# Who installs is root, who need not have cargo: what is built already is installed as it is.
$(PROGRAM):
	cargo build --release --locked

install: $(PROGRAM)
	install -D -m 755 "$$PROGRAM" "$$TO/bin/newuts"
	install -D -m 644 doc/newuts.1 "$$TO/share/man/man1/newuts.1"
	install -D -m 644 doc/newuts.bash "$$TO/share/bash-completion/completions/newuts"
	install -D -m 644 doc/_newuts "$$TO/share/zsh/site-functions/_newuts"
	install -D -m 644 doc/newuts.fish "$$TO/share/fish/vendor_completions.d/newuts.fish"

uninstall:
	rm -f "$$TO/bin/newuts" "$$TO/share/man/man1/newuts.1" \
	    "$$TO/share/bash-completion/completions/newuts" \
	    "$$TO/share/zsh/site-functions/_newuts" \
	    "$$TO/share/fish/vendor_completions.d/newuts.fish"

.PHONY: all install uninstall
