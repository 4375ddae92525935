"""A notebook: cells that start an agent, in a kernel that is restarted, and again. jupyter_client stands for the browser."""

from jupyter_client.manager import start_new_kernel

START = """
import gopyrpc as rpc
rpc.init_rpc("notebook", rank=0, world_size=1, rpc_backend_options=rpc.RpcBackendOptions(init_method="tcp://127.0.0.1:0"))
"""
CALL = """
def double(x):
    return 2 * x
print(rpc.rpc_sync("notebook", double, args=(4,)))
"""
STOP = "rpc.shutdown()"
SECONDS = 60


def run(client, cell, expected=""):
    """Run a cell; what it prints is what is expected."""
    printed = []

    def output(message):
        content = message["content"]
        if message["msg_type"] == "stream":
            printed.append(content["text"])
        elif message["msg_type"] == "error":
            printed.append("\n".join(content["traceback"]))

    client.execute_interactive(cell, output_hook=output, timeout=SECONDS)
    assert "".join(printed) == expected, "".join(printed)


def main():
    manager, client = start_new_kernel(startup_timeout=SECONDS)
    try:
        for now in (False, True):  # first the kernel is asked to end, with an agent that runs; then it is killed
            run(client, START)
            run(client, CALL, "8\n")
            manager.restart_kernel(now=now)
            client.wait_for_ready(timeout=SECONDS)
        for _ in range(2):  # an agent that was shut down is followed by another, in the same kernel
            run(client, START)
            run(client, CALL, "8\n")
            run(client, STOP)
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


if __name__ == "__main__":
    main()
