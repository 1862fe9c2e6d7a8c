"""The AWS CLI, loaded once and forked for each command: loading takes longer than most commands.

    aws_cli.py SOCKET                    serves until its standard input ends
    aws_cli.py SOCKET ARGUMENT...        runs a command there, with this process's files and environment
"""

import json
import os
import socket
import sys

REQUEST_BYTES_MAX = 1 << 20


def run(connection):
    """In the child: become what the client is, and give the command's status."""
    from awscli.clidriver import create_clidriver

    request, fds, *_ = socket.recv_fds(connection, REQUEST_BYTES_MAX, 3)
    job = json.loads(request)
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
    os.chdir(job["directory"])
    # Where it finds its own data, which it looked for when it was loaded.
    own_data = os.environ["AWS_DATA_PATH"]
    os.environ.clear()
    os.environ.update(job["environment"], AWS_DATA_PATH=own_data)
    try:
        return create_clidriver().main(job["arguments"]) or 0
    except SystemExit as end:
        return end.code or 0


def serve(path):
    import select
    import signal

    import awscli.customizations.s3.subcommands  # noqa: F401
    import awscli.handlers  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    while True:
        readable, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in readable:
            return
        connection, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            status = run(connection)
            sys.stdout.flush()
            sys.stderr.flush()
            connection.send(bytes([status]))
            os._exit(0)
        connection.close()


def ask(path, arguments):
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    job = {"arguments": arguments, "directory": os.getcwd(), "environment": dict(os.environ)}
    socket.send_fds(connection, [json.dumps(job).encode()], [0, 1, 2])
    status = connection.recv(1)
    return status[0] if status else 1


if __name__ == "__main__":
    sys.exit(ask(sys.argv[1], sys.argv[2:]) if len(sys.argv) > 2 else serve(sys.argv[1]))
