"""The baseline, as tutorials have it: `generate` blocks the loop, one request after the other, /health among them.

`MODEL_ID=... PORT=... server/.venv/bin/python -m bench.server.blocking`. Greedy where temperature is 0.
"""

import os

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from transformers import AutoModelForCausalLM, AutoTokenizer

app = FastAPI()
model = AutoModelForCausalLM.from_pretrained(os.environ["MODEL_ID"], dtype="auto", device_map="auto")
tokenizer = AutoTokenizer.from_pretrained(os.environ["MODEL_ID"])


class Asked(BaseModel):
    """POST /generate."""

    prompt: str
    max_new_tokens: int = 100
    temperature: float = 0.7


@app.get("/health")
async def health() -> dict[str, str]:
    """Answers when the loop comes to it."""
    return {"status": "healthy"}


@app.post("/generate")
async def generate(asked: Asked) -> dict[str, str]:
    """Blocks all others until the whole answer is made."""
    inputs = tokenizer(asked.prompt, return_tensors="pt").to(model.device)
    draws = {"do_sample": True, "temperature": asked.temperature} if asked.temperature else {"do_sample": False}
    made = model.generate(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        max_new_tokens=asked.max_new_tokens,
        **draws,
    )
    new = made[0][inputs["input_ids"].shape[1] :]
    return {"generated_text": tokenizer.decode(new, skip_special_tokens=True)}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning")
