class GPT:
    def __init__(self, config):
        assert config.n_embd % config.n_head == 0
        self.config = config
